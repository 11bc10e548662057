"""Signing in at a provider of OpenID Connect, and being named by a proxy, in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.callers import API_TOKENS, token
from tests.support.programs import Service, running_service
from tests.support.servers.openid_provider import OpenIdProvider, running_provider

LONG = {"seconds": 600}


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdProvider]:
    """A provider that puts all claims into ID tokens."""
    with running_provider(idTokenClaims=True) as running:
        yield running


@pytest.fixture
def service(tmp_path: Path, provider: OpenIdProvider) -> Iterator[Service]:
    """A listener with a provider, and with tokens. `service` itself sends requests as ann."""
    settings = {name.upper(): value for name, value in provider.settings.items()}
    with running_service("", tmp_path, API_TOKENS=API_TOKENS, **settings) as service:
        service.token = token("ann")
        provider.allow(service.base_url)
        yield service


def sign_in(page: Page, name: str) -> None:
    page.get_by_role("link", name="Sign in with localhost").click()
    page.get_by_placeholder("Enter any login").fill(f"id-of-{name}")
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def test_a_sign_in_at_the_provider_returns_to_the_requested_page(
    service: Service, page: Page
) -> None:
    job_id = service.submit(payload=LONG)
    page.goto(f"/ui/jobs/{job_id}?tab=output#end")
    sign_in(page, "ada")
    expect(page.locator("#caller")).to_contain_text("oidc:ada@example.org · admin")
    expect(page).to_have_url(f"{service.base_url}/ui/jobs/{job_id}?tab=output#end")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("h1 .badge")).to_have_text("canceled")
    assert service.job(job_id)["canceled_by"] == "oidc:ada@example.org"
    page.reload()
    expect(page.locator("#caller")).to_contain_text("oidc:ada@example.org")


def test_the_dialog_offers_both_ways(service: Service, page: Page) -> None:
    page.goto("/ui/jobs")
    dialog = page.get_by_role("dialog", name="Sign in")
    expect(dialog.get_by_role("link", name="Sign in with localhost")).to_be_visible()
    dialog.get_by_label("Token").fill(token("rob"))
    dialog.get_by_role("button", name="Sign in").click()
    expect(page.locator("#caller")).to_contain_text("rob · read")


def test_who_has_no_role_sees_a_page_that_says_so(service: Service, page: Page) -> None:
    page.goto("/ui/jobs")
    sign_in(page, "nobody")
    expect(page.get_by_role("heading", name="The caller has no role")).to_be_visible()
    expect(page.locator("main")).to_contain_text("GROUP_ROLES")
    expect(page.get_by_role("link", name="Sign in again")).to_be_visible()


def test_an_open_page_renews_its_session(service: Service, page: Page) -> None:
    page.clock.install()
    page.goto("/ui/jobs")
    sign_in(page, "ann")
    expect(page.locator("#caller")).to_contain_text("oidc:ann@example.org")
    session = {each["name"]: each["value"] for each in page.context.cookies()}[
        "job_service_session"
    ]
    with page.expect_response(re.compile("/ui/sign-in/renew$")) as renewed:
        page.clock.fast_forward(6 * 3600 * 1000 + 10_000)
    assert renewed.value.status == 200
    cookies = {each["name"]: each["value"] for each in page.context.cookies()}
    assert cookies["job_service_session"] != session


def test_a_sign_out_ends_the_session_at_the_provider_too(service: Service, page: Page) -> None:
    page.goto("/ui/jobs")
    sign_in(page, "rob")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Yes, sign me out").click()
    dialog = page.get_by_role("dialog", name="Sign in")
    expect(dialog).to_be_visible()
    dialog.get_by_role("link", name="Sign in with localhost").click()
    expect(page.get_by_placeholder("Enter any login")).to_be_visible()


def test_who_is_named_by_a_proxy_neither_signs_in_nor_out(tmp_path: Path, page: Page) -> None:
    settings = {
        "AUTH_PROXY_HEADER": "Remote-User",
        "TRUSTED_PROXIES": "127.0.0.1,::1",
        "GROUP_ROLES": "*:submit",
    }
    with running_service("", tmp_path, **settings) as service:
        page.goto(f"{service.base_url}/ui/jobs")
        dialog = page.get_by_role("dialog", name="Sign in")
        expect(dialog).to_contain_text("Sign in at the proxy in front of this service")
        expect(dialog.get_by_role("button")).to_have_count(0)
        page.set_extra_http_headers({"Remote-User": "ann"})
        page.goto(f"{service.base_url}/ui/jobs")
        expect(page.locator("#caller")).to_have_text("proxy:ann · submit")
        expect(page.locator("#caller").get_by_role("button")).to_have_count(0)
