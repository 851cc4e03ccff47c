"""A person who signs in on our issuer's pages, and lets programs in: fills the forms over plain HTTP."""

import base64
import hashlib
import html
import http.client
import re
import secrets
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT = "app_EMoamEEZ73f0CkXaXp7hrann"
REDIRECT = "http://localhost:1455/auth/callback"
SCOPE = "openid profile email offline_access"
EMAIL = "mia@example.org"
PASSWORD = "a bench measures with this"
# Sign-in, confirmation and a redirect between any two of them.
MOST_STEPS = 8


class Person:
    """Keeps the cookies of one browser at the issuer on `port`."""

    def __init__(self, port):
        self.port = port
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.cookies = {}

    def request(self, method, path, form=None):
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["Origin"] = f"http://127.0.0.1:{self.port}"
        self.http.request(method, path, form and urlencode(form), headers)
        answer = self.http.getresponse()
        text = answer.read().decode()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies[name] = value
        return answer.headers.get("Location"), text

    def ask(self, verifier):
        """Begins an authorization; returns the path of its pages."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {"response_type": "code", "client_id": CLIENT, "redirect_uri": REDIRECT, "scope": SCOPE}
        query |= {"code_challenge": challenge, "code_challenge_method": "S256", "state": "s"}
        place, text = self.request("GET", "/oauth/authorize?" + urlencode(query))
        if place is None:
            raise SystemExit(f"error: no authorization begins: {text[:300]}")
        return place

    def fill(self, text):
        """Fills the page's form; returns where that leads to."""
        for name, values in (
            ("sign-in", {"email": EMAIL, "password": PASSWORD}),
            ("confirm", {"decision": "approve"}),
        ):
            found = re.search(rf'<form id="{name}"[^>]* action="([^"]*)">(.*?)</form>', text, re.S)
            if found:
                hidden = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', found[2]))
                values |= {name: html.unescape(value) for name, value in hidden.items()}
                return self.request("POST", html.unescape(found[1]), values)
        raise SystemExit(f"error: no form to fill: {text[:300]}")

    def sign_in(self):
        """Signs in, and lets no program in."""
        place = self.ask(secrets.token_urlsafe(48))
        _, text = self.request("GET", place)
        self.fill(text)

    def code(self):
        """Lets a program in; returns its code and the verifier that belongs to it."""
        verifier, before = secrets.token_urlsafe(48), set(self.cookies)
        place, text = self.ask(verifier), None
        pages = set(self.cookies) - before
        for _ in range(MOST_STEPS):
            if place is None:
                place, text = self.fill(text)
            elif place.startswith(REDIRECT):
                # What belonged to the pages of this authorization only makes the next requests longer.
                self.cookies = {name: value for name, value in self.cookies.items() if name not in pages}
                return f"{parse_qs(urlsplit(place).query)['code'][0]} {verifier}"
            else:
                place, text = self.request("GET", urlsplit(place).path)
        raise SystemExit("error: the issuer asks without end")

    def refresh_token(self):
        """Lets a program in and redeems its code; returns the refresh token."""
        return self.token("refresh_token")

    def token(self, kind):
        """Lets a program in and redeems its code; returns the token of this kind."""
        code, verifier = self.code().split(" ")
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
        _, text = self.request("POST", "/oauth/token", form | {"redirect_uri": REDIRECT, "client_id": CLIENT})
        return re.search(rf'"{kind}":"([^"]+)"', text)[1]
