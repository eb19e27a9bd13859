"""What the OpenAPI document says of tokens, scopes and errors."""

from typing import Any

from tests.infra.app import small_app


def operation(path: str, method: str) -> dict[str, Any]:
    return dict(small_app().openapi()["paths"][path][method])


def test_a_route_names_its_scope_as_bearer_security_and_in_words() -> None:
    document = small_app().openapi()

    assert document["components"]["securitySchemes"]["token"] == {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A JSON Web Token: `famedash token` prints one.",
    }
    assert operation("/me", "get")["security"] == [{"token": ["campaigns:read"]}]
    assert operation("/me", "post")["security"] == [{"token": ["campaigns:write"]}]
    assert "`campaigns:write`" in operation("/me", "post")["description"]


def test_a_route_without_a_scope_needs_no_token() -> None:
    assert "security" not in operation("/things", "get")
    assert "401" not in operation("/things", "get")["responses"]


def test_every_error_in_the_document_is_a_problem() -> None:
    document = small_app().openapi()

    assert "HTTPValidationError" not in str(document)
    for methods in document["paths"].values():
        for each in methods.values():
            errors = {code: response for code, response in each["responses"].items() if code >= "400"}
            assert "default" in errors
            for response in errors.values():
                assert list(response["content"]) == ["application/problem+json"]


def test_the_document_stays_the_same_when_it_is_asked_for_again() -> None:
    app = small_app()

    assert str(app.openapi()) == str(app.openapi())
    assert app.openapi()["paths"]["/me"]["get"]["description"].count("Needs a token") == 1
