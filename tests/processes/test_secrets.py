"""Where secrets come from, and where they may be made."""

import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook

from famedash.infra.auth.settings import Misconfigured
from famedash.infra.embedded import Endpoints
from famedash.processes.secrets import auth_settings, jwt_secret, seal, webhook_secret
from famedash.processes.servers import completed
from famedash.processes.settings import Settings

SECRET = "s" * 40
FAR = "postgresql://db/x"


def settings(tmp_path: Path, **changes: object) -> Settings:
    return Settings(data_dir=tmp_path / "data").model_copy(update=changes)


@pytest.fixture(autouse=True)
def not_under_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAMEDASH_EMBEDDED", raising=False)


@pytest.mark.parametrize("make", [jwt_secret, webhook_secret])
def test_with_our_own_servers_a_secret_is_made_once_and_only_its_owner_reads_it(
    tmp_path: Path, make: Callable[[Settings], str]
) -> None:
    first, second = make(settings(tmp_path)), make(settings(tmp_path))

    assert first == second
    assert len(first) > 40
    (file,) = (tmp_path / "data").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_processes_that_start_together_agree_on_a_secret(tmp_path: Path) -> None:
    """PROMISE: no process signs or verifies with a secret that another has overwritten."""
    for number in range(20):
        at_once = settings(tmp_path, data_dir=tmp_path / str(number))
        with ThreadPoolExecutor(8) as pool:
            secrets = set(pool.map(jwt_secret, [at_once] * 8))

        assert len(secrets) == 1
        assert [file.name for file in (tmp_path / str(number)).iterdir()] == ["jwt_secret"]


def test_two_installations_have_two_secrets(tmp_path: Path) -> None:
    one, other = settings(tmp_path, data_dir=tmp_path / "1"), settings(tmp_path, data_dir=tmp_path / "2")

    assert jwt_secret(one) != jwt_secret(other)
    assert webhook_secret(one) != webhook_secret(other)


@pytest.mark.parametrize("make", [jwt_secret, webhook_secret, auth_settings])
def test_with_servers_of_others_nothing_is_made(tmp_path: Path, make: Callable[[Settings], object]) -> None:
    with pytest.raises(Misconfigured, match="Set FAMEDASH_"):
        make(settings(tmp_path, database_url=FAR))

    assert not (tmp_path / "data").exists()


def test_a_child_of_up_uses_the_data_dir_although_its_address_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAMEDASH_EMBEDDED", "1")

    assert jwt_secret(settings(tmp_path, database_url=FAR)) == jwt_secret(settings(tmp_path))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("make", [jwt_secret, webhook_secret])
def test_a_secret_that_root_makes_in_a_users_data_dir_is_that_users(
    tmp_path: Path, make: Callable[[Settings], str]
) -> None:
    """Breaks if it stays root's: then that user's own commands cannot read it."""
    (tmp_path / "data").mkdir(mode=0o700)
    os.chown(tmp_path / "data", 1234, 5678)

    make(settings(tmp_path))

    (file,) = (tmp_path / "data").iterdir()
    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 5678)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_given_secret_wins_over_one_of_the_data_dir(tmp_path: Path) -> None:
    jwt_secret(settings(tmp_path))

    assert jwt_secret(settings(tmp_path, jwt_secret=SecretStr(SECRET))) == SECRET


def test_a_secret_is_read_from_its_file_without_the_line_end(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")

    assert jwt_secret(settings(tmp_path, database_url=FAR, jwt_secret_file=file)) == SECRET


def test_a_secret_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()

    for file in (tmp_path / "none", tmp_path, empty):
        with pytest.raises(Misconfigured, match="FAMEDASH_JWT_SECRET_FILE"):
            jwt_secret(settings(tmp_path, jwt_secret_file=file))


def test_a_secret_given_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET)

    with pytest.raises(Misconfigured, match="only one"):
        jwt_secret(settings(tmp_path, jwt_secret=SecretStr(SECRET), jwt_secret_file=file))


def test_with_an_identity_provider_no_secret_is_made(tmp_path: Path) -> None:
    auth = auth_settings(settings(tmp_path, jwt_jwks_url="https://idp/jwks"))

    assert (auth.secret, auth.jwks_url) == ("", "https://idp/jwks")
    assert not (tmp_path / "data").exists()


def test_a_secret_beside_an_identity_provider_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="exactly one"):
        auth_settings(settings(tmp_path, jwt_jwks_url="https://idp/jwks", jwt_secret=SecretStr(SECRET)))


def test_the_public_webhook_library_takes_the_secret_that_is_made(tmp_path: Path) -> None:
    secret = webhook_secret(settings(tmp_path))

    assert secret.startswith("whsec_")
    Webhook(secret)


@pytest.mark.parametrize("secret", ["plain", "whsec_", "whsec_c2hvcnQ=", "whsec_" + "!" * 40])
def test_a_webhook_secret_of_another_form_is_refused(tmp_path: Path, secret: str) -> None:
    with pytest.raises(Misconfigured, match="whsec_"):
        webhook_secret(settings(tmp_path, webhook_secret=SecretStr(secret)))


def test_a_process_beside_up_gets_every_secret_that_is_made(tmp_path: Path) -> None:
    """PROMISE: `famedash api` starts alone on embedded servers. Breaks if a new secret is forgotten here."""
    alone = completed(settings(tmp_path), Endpoints("postgresql://own/x", "redis://own"))

    assert seal(alone).open(seal(settings(tmp_path)).close(b"plain")) == b"plain"
    assert (jwt_secret(alone), webhook_secret(alone)) == (
        jwt_secret(settings(tmp_path)),
        webhook_secret(settings(tmp_path)),
    )


def test_a_key_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="FAMEDASH_ENCRYPTION_KEY must be 32 bytes"):
        seal(settings(tmp_path, encryption_key=SecretStr("short")))


def test_with_servers_of_the_operators_own_no_key_is_made(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="Set FAMEDASH_ENCRYPTION_KEY"):
        seal(settings(tmp_path, database_url=FAR))
