"""The login form: the token in, a session's cookie out."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import jinja2
from aiohttp import web

from relay.clock import Clock
from relay.web.access import LOGIN_PATH, SESSION_COOKIE, SESSION_SECONDS, Policy, new_session
from relay.web.answers import too_many, wants_page
from relay.web.shown import span
from relay.web.throttle import LOGIN_FAILURES, Throttle

_HTML: Final = "text/html"


class Login:
    """Exchanges the token of ``policy`` for a session."""

    def __init__(self, template: jinja2.Template, policy: Policy, clock: Clock) -> None:
        self._template = template
        self._policy = policy
        self._clock = clock
        self._throttle = Throttle(clock, allowed=LOGIN_FAILURES)

    def routes(self) -> list[web.RouteDef]:
        """Paths and what answers them."""
        return [web.get(LOGIN_PATH, self.form), web.post(LOGIN_PATH, self.login)]

    async def form(self, _request: web.Request) -> web.Response:
        """The login form."""
        return self.ask_token(status=200)

    def ask_token(self, *, status: int, problem: str = "") -> web.Response:
        """The login form, as the answer to who came without a token or with a wrong one."""
        return web.Response(text=self._template.render(problem=problem), status=status, content_type=_HTML)

    async def login(self, request: web.Request) -> web.Response:
        """Exchange the token for a session cookie."""
        token = self._policy.token
        if token is None:
            raise web.HTTPSeeOther("/")  # nothing to log in to
        if request.content_type != "application/x-www-form-urlencoded":
            raise web.HTTPUnsupportedMediaType
        if (refusal := self._refusal(request)) is not None:
            return refusal  # without waiting for the body
        try:
            given = (await request.post()).get("token")
        except (ValueError, LookupError):
            given = None
        # Others may have failed while the body came; from here to `failed` nothing is awaited, so none slips by.
        if (refusal := self._refusal(request)) is not None:
            return refusal
        if not isinstance(given, str) or not self._policy.accepts(given.strip()):
            self._throttle.failed(request.remote)
            return self.ask_token(status=401, problem="That is not the token.")
        # 303 as a value, not as an exception: aiohttp sets cookies on responses.
        response = web.Response(status=303, headers={"Location": "/"})
        response.set_cookie(
            SESSION_COOKIE,
            new_session(token, now_us=self._clock.now_us()),
            max_age=SESSION_SECONDS,
            path="/",
            httponly=True,
            samesite="Strict",
            secure=urlsplit(request.headers.get("Origin", "")).scheme == "https",  # what the browser saw, proxy or not
        )
        return response

    def _refusal(self, request: web.Request) -> web.Response | None:
        """What is told to a peer whose tokens are not looked at now; None where they are."""
        wait = self._throttle.wait(request.remote)
        if not wait:
            return None
        answer = too_many(wait)
        if not wants_page(request):
            return answer
        page = self.ask_token(status=answer.status, problem=f"Too many wrong tokens: wait {span(wait + 1)}.")
        page.headers["Retry-After"] = answer.headers["Retry-After"]
        return page
