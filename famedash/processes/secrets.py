"""Secrets: given by the environment or by a file; made in the data dir only where we run our own servers."""

import base64
import os
import secrets
import tempfile
from pathlib import Path

from pydantic import SecretStr

from famedash.infra.auth.settings import AuthSettings, Misconfigured
from famedash.infra.sealing import Seal, new_key
from famedash.processes.settings import Settings
from famedash.webhooks.signing import PREFIX, key_of


def embedded(settings: Settings) -> bool:
    """Do we run our own servers? `up` says so to its children, whose addresses are set."""
    return settings.embedded or not settings.database_url


def auth_settings(settings: Settings) -> AuthSettings:
    """Raises `Misconfigured` unless exactly one of secret and JWKS is there; embedded, a secret is made."""
    given = _given(settings.jwt_secret, settings.jwt_secret_file, "FAMEDASH_JWT_SECRET")
    secret = given if settings.jwt_jwks_url else jwt_secret(settings)
    return AuthSettings(secret, settings.jwt_jwks_url, settings.jwt_audience, settings.jwt_issuer)


def jwt_secret(settings: Settings) -> str:
    """What tokens are signed with. Raises `Misconfigured` where there is none and none may be made."""
    given = _given(settings.jwt_secret, settings.jwt_secret_file, "FAMEDASH_JWT_SECRET")
    if given:
        return given
    if not embedded(settings):
        raise Misconfigured(
            "Set FAMEDASH_JWT_SECRET, FAMEDASH_JWT_SECRET_FILE or FAMEDASH_JWT_JWKS_URL:"
            " without one no token can be verified."
        )
    return _kept(settings.data_path / "jwt_secret", secrets.token_urlsafe(48))


def webhook_secret(settings: Settings) -> str:
    """What webhooks are signed with: `whsec_` and base64, as Standard Webhooks writes it."""
    given = _given(settings.webhook_secret, settings.webhook_secret_file, "FAMEDASH_WEBHOOK_SECRET")
    if given:
        return _well_formed(given)
    if not embedded(settings):
        raise Misconfigured(
            "Set FAMEDASH_WEBHOOK_SECRET or FAMEDASH_WEBHOOK_SECRET_FILE: webhooks are signed with it."
        )
    fresh = PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    return _kept(settings.data_path / "webhook_secret", fresh)


def encryption_keys(settings: Settings) -> str:
    """What secrets of endpoints are sealed with. Several keys, comma between: the first seals."""
    given = _given(settings.encryption_key, settings.encryption_key_file, "FAMEDASH_ENCRYPTION_KEY")
    if not given and not embedded(settings):
        raise Misconfigured(
            "Set FAMEDASH_ENCRYPTION_KEY or FAMEDASH_ENCRYPTION_KEY_FILE: secrets of webhook endpoints are"
            ' encrypted with it. `python3 -c "import base64, os;'
            ' print(base64.urlsafe_b64encode(os.urandom(32)).decode())"` makes one.'
        )
    return given or _kept(settings.data_path / "encryption_key", new_key())


def seal(settings: Settings) -> Seal:
    """Raises `Misconfigured` for keys that are none."""
    try:
        return Seal([key.strip() for key in encryption_keys(settings).split(",")])
    except ValueError:
        raise Misconfigured(
            "FAMEDASH_ENCRYPTION_KEY must be 32 bytes in URL-safe base64, or several of them, comma between."
        ) from None


def _given(secret: SecretStr, file: Path | None, name: str) -> str:
    """The setting or the content of its file; empty without either."""
    text = secret.get_secret_value()
    if text and file:
        raise Misconfigured(f"Set only one of {name} and {name}_FILE.")
    if not file:
        return text
    try:
        text = file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise Misconfigured(f"{name}_FILE names {file}, which cannot be read.") from None
    if not text:
        raise Misconfigured(f"{name}_FILE names {file}, which is empty.")
    return text


def _well_formed(secret: str) -> str:
    """Standard Webhooks asks for 24 to 64 random bytes."""
    try:
        key = key_of(secret)
    except ValueError:
        key = b""
    if not secret.startswith(PREFIX) or not 24 <= len(key) <= 64:
        raise Misconfigured(
            "FAMEDASH_WEBHOOK_SECRET must be whsec_ followed by the base64 of 24 to 64 bytes:"
            ' `echo "whsec_$(openssl rand -base64 32)"` makes one.'
        )
    return secret


def _kept(path: Path, fresh: str) -> str:
    """What the file holds, `fresh` where there is none: whole or not at all, 0600, one winner of a race."""
    if not path.exists():
        from famedash.infra.embedded.identity import give_to_folder_owner  # noqa: PLC0415 - rarely needed

        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
        try:
            with open(descriptor, "w") as file:
                file.write(fresh)
                file.flush()
                os.fsync(file.fileno())
            give_to_folder_owner(Path(draft))
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(draft)
    return path.read_text()
