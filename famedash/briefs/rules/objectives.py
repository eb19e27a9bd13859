"""What a goal, in a person's words, comes down to. Pure.

By the beginnings of words in a few languages; the first one in the text decides. What is not understood is
awareness, which no other wording contradicts.
"""

from famedash.briefs.model import Objective
from famedash.briefs.rules.patterns import compiled
from famedash.briefs.rules.phrases import fold

_BEGINNINGS = {
    Objective.LAUNCH: (
        "launch|introduc|unveil|releas|premier|debut|new product|markteinführ|neueinführ|einführ|"
        "lanc|lanz|introduz|lansman|nieuw product|लॉन्च|إطلاق|اطلاق|発売|新発売|新商品|출시|上市|新品|запуск"
    ),
    Objective.SALES: (
        "sale|sell|sold|buy|purchas|order|revenue|conver|shop|checkout|discount|subscri|lead|sign-?ups?|"
        "verkauf|verkäuf|umsatz|kauf|vente|vend|achat|achet|ventas|compra|vendit|acquist|venda|verkop|verkoop|koop|"
        "बिक्री|खरीद|مبيعات|شراء|بيع|販売|売上|購入|판매|구매|销售|购买|продаж|satış"
    ),
    Objective.TRAFFIC: (
        "traffic|visit|click|website|web site|landing page|downloads?|install|footfall|store visit|"
        "besuch|webseite|herunterlad|trafic|visite|clic|tráfico|tráfego|traffico|visita|site web|sitio|"
        "descarg|"
        "ट्रैफ़िक|زيارات|زيارة|アクセス|ダウンロード|방문|다운로드|流量|下载|трафик"
    ),
    Objective.COMMUNITY: (
        "communit|follower|loyal|fans?\\b|member|retention|ambassador|gemeinschaft|treue|communaut|abonné|"
        "fidél|comunidad|seguidor|fideli|comunidade|comunità|समुदाय|مجتمع|متابع|コミュニティ|フォロワー|커뮤니티|"
        "팔로워|社区|粉丝|сообществ|подписчик"
    ),
    Objective.ENGAGEMENT: (
        "engag|interact|comment|like|share|save|ugc|participat|challenge|interaktion|kommentar|interag|"
        "interacci|interação|coinvolg|बातचीत|सहभाग|تفاعل|エンゲージ|참여|互动|вовлеч|etkileşim"
    ),
    Objective.AWARENESS: (
        "aware|reach|visib|recogni|impression|exposure|bekannt|reichweite|notoriét|visibilit|"
        "reconoc|alcance|conoscen|notorietà|conhec|bekendheid|जागरूक|الوعي|وعي|認知|인지도|知名度|узнаваем|farkındalık"
    ),
}
_PATTERN = compiled("|".join(rf"(?P<{name}>(?<!\p{{L}})(?:{words}))" for name, words in _BEGINNINGS.items()))
_UNSPACED = compiled(
    "|".join(
        rf"(?P<{name}>{'|'.join(w for w in words.split('|') if ord(w[0]) > 0x3000)})"
        for name, words in _BEGINNINGS.items()
    )
)


def objective_of(goal: str) -> Objective:
    text = fold(goal)
    found = _PATTERN.search(text) or _UNSPACED.search(text)
    return Objective(found.lastgroup) if found and found.lastgroup else Objective.AWARENESS
