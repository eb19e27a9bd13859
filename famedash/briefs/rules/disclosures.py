"""How a paid post says so, by language and region: one table, with its day. Pure.

A label that the authority itself names or accepts, as a hashtag. It is no advice of a lawyer: several
authorities also want it at the very beginning, or the platform's own "paid partnership" label beside it.
"""

from datetime import date

from famedash.briefs.model import Disclosure

AS_OF = date(2026, 11, 27)

DEFAULT = Disclosure("#ad", "FTC Endorsement Guides, 16 CFR Part 255 (USA); used where we know no local rule")

DISCLOSURES = {
    "en-US": Disclosure("#ad", "FTC Endorsement Guides, 16 CFR Part 255 (USA)"),
    "en-GB": Disclosure("#ad", "CAP Code section 2, ASA and CMA guidance for influencers (United Kingdom)"),
    "en-IE": Disclosure("#ad", "CCPC and ASA influencer guidance, 2023 (Ireland)"),
    "en-CA": Disclosure("#ad", "Ad Standards influencer disclosure guidelines; Competition Act (Canada)"),
    "en-AU": Disclosure("#ad", "AANA Code of Ethics section 2.7, Ad Standards (Australia)"),
    "en-NZ": Disclosure("#ad", "ASA influencer guidance, Advertising Standards Code (New Zealand)"),
    "en-IN": Disclosure(
        "#ad", "ASCI guidelines for influencer advertising, 2021; CCPA Endorsement Know-hows (India)"
    ),
    "hi": Disclosure(
        "#ad", "ASCI guidelines for influencer advertising, 2021; CCPA Endorsement Know-hows (India)"
    ),
    "de": Disclosure("#Werbung", '§ 5a UWG, § 22 MStV: "Werbung" or "Anzeige" at the beginning (Germany)'),
    "fr": Disclosure(
        "#Publicité", "Loi n° 2023-451, art. 5: « Publicité » ou « Collaboration commerciale » (France)"
    ),
    "es": Disclosure("#publicidad", "AEA and Autocontrol code for influencers (Spain)"),
    "pt": Disclosure("#publicidade", "Código da Publicidade, DGC guide for influencers (Portugal)"),
    "pt-BR": Disclosure("#publi", "CONAR guide for digital influencers, 2021 (Brazil)"),
    "it": Disclosure("#pubblicità", "IAP Digital Chart; AGCOM guidelines, delibera 7/24/CONS (Italy)"),
    "nl": Disclosure("#reclame", "Reclamecode Social Media & Influencer Marketing (Netherlands)"),
    "sv": Disclosure("#reklam", "Marknadsföringslagen § 9, Konsumentverket (Sweden)"),
    "da": Disclosure("#reklame", "Markedsføringsloven § 6, Forbrugerombudsmanden (Denmark)"),
    "nb": Disclosure("#reklame", "Markedsføringsloven § 3, Forbrukertilsynet (Norway)"),
    "no": Disclosure("#reklame", "Markedsføringsloven § 3, Forbrukertilsynet (Norway)"),
    "fi": Disclosure("#mainos", "Kuluttajansuojalaki 2:4, KKV guidance (Finland)"),
    "pl": Disclosure("#reklama", "UOKiK recommendations for influencers, 2022 (Poland)"),
    "cs": Disclosure("#reklama", "Zákon č. 40/1995 Sb., code of fair influencer (Czechia)"),
    "tr": Disclosure("#reklam", "Reklam Kurulu guide for social media influencers, 2021 (Turkey)"),
    "ar": Disclosure("#إعلان", "Media rules of the United Arab Emirates and Saudi Arabia: the word إعلان"),
    "ja": Disclosure(
        "#PR", "Consumer Affairs Agency notice on stealth marketing, in force since October 2023 (Japan)"
    ),
    "ko": Disclosure("#광고", "KFTC guidelines on endorsements and advertising (Republic of Korea)"),
    "zh": Disclosure("#广告", "Measures for Internet Advertising, 2023, art. 9: 广告 (China)"),
    "zh-TW": Disclosure("#廣告", "Fair Trade Act, FTC rules on endorsements (Taiwan)"),
}


def disclosure_for(language: str) -> Disclosure:
    """By the whole tag (`pt-BR`), else by its language (`pt`), else `#ad`."""
    language, _, region = language.replace("_", "-").partition("-")
    full = f"{language.lower()}-{region.rpartition('-')[2].upper()}"
    return DISCLOSURES.get(full) or DISCLOSURES.get(language.lower()) or DEFAULT
