"""A Stripe for tests: localstripe in a process of its own, and in front of it what localstripe lacks.

It has customers, cards, products, plans, subscriptions, and sends signed webhooks. What it has not, the front answers:
checkout sessions, the customer portal, meter events; and of subscriptions their trials, ``metadata`` and
``proration_behavior``, which it does not keep.
"""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import aiohttp
from aiohttp import web

KEY = "sk_test_causette"
_AUTH = aiohttp.BasicAuth(KEY, "")


def a_free_port() -> int:
    with socket.socket(socket.AF_INET6) as taken:
        taken.bind(("::", 0))
        return taken.getsockname()[1]


@dataclass
class StripeServer:
    """The front. ``requests`` is what it was asked, ``fail_next`` paths that answer 500 once."""

    behind: str
    url: str = ""
    checkouts: dict[str, dict[str, Any]] = field(default_factory=dict)
    meter_events: dict[str, dict[str, str]] = field(default_factory=dict)
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    #: Subscriptions in their trial.
    trials: set[str] = field(default_factory=set)
    #: The form of every update of a subscription.
    updates: list[dict[str, str]] = field(default_factory=list)
    #: The form of every meter event that was sent, taken or not.
    meter_calls: list[dict[str, str]] = field(default_factory=list)
    #: Customers that are there no more.
    deleted: set[str] = field(default_factory=set)
    #: Meter events are taken, but the answer is lost on its way.
    lose_meter_answers: bool = False

    # What a customer does

    async def pay_by_card(self, customer_id: str, card: str = "4242424242424242") -> None:
        """Give the customer a card."""
        token = await self.post(
            "/v1/tokens",
            {"card[number]": card, "card[exp_month]": "12", "card[exp_year]": "2040", "card[cvc]": "123"},
        )
        await self.post(f"/v1/customers/{customer_id}/sources", {"source": token["id"]})

    async def complete(self, url: str) -> dict[str, Any]:
        """Pay at a checkout's page; the session as it is then."""
        session = self.checkouts[url.rsplit("/", 1)[1]]
        await self.pay_by_card(session["customer"])
        session |= {"status": "complete", "payment_status": "paid"}
        if session["mode"] == "subscription":
            item = {
                "items[0][plan]": session["form"]["line_items[0][price]"],
                "items[0][quantity]": session["form"]["line_items[0][quantity]"],
            }
            made = await self.post("/v1/subscriptions", {"customer": session["customer"], **item})
            session["subscription"] = made["id"]
            given = "subscription_data["
            data = {
                name[len(given) :]: value for name, value in session["form"].items() if name.startswith(given)
            }
            if "trial_period_days]" in data:
                self.trials.add(made["id"])
            self.metadata[made["id"]] = {
                name[len("metadata][") : -1]: value
                for name, value in data.items()
                if name.startswith("metadata][")
            }
        return session

    async def post(self, path: str, form: dict[str, str]) -> Any:
        async with (
            aiohttp.ClientSession(auth=_AUTH) as client,
            client.post(self.behind + path, data=form) as answer,
        ):
            body = await answer.text()
            assert answer.status == 200, body
            return json.loads(body) if body else None

    async def send_webhooks_to(self, url: str, secret: str) -> None:
        """Have localstripe sign and send its events."""
        await self.post("/_config/webhooks/test", {"url": url, "secret": secret})

    # What Causette asks

    async def answer(self, request: web.Request) -> web.Response:
        path, body = request.path, await request.text()
        form = dict(parse_qsl(body, keep_blank_values=True))
        if path == "/v1/checkout/sessions":
            return self._check_out(form)
        if path.startswith("/v1/checkout/sessions/"):
            return web.json_response(self.checkouts[path.rsplit("/", 1)[1]])
        if path == "/v1/billing_portal/sessions":
            return web.json_response(
                {"object": "billing_portal.session", "url": f"https://portal/{form['customer']}"}
            )
        if path == "/v1/billing/meter_events":
            return self._meter(form)
        is_subscription = path.startswith("/v1/subscriptions/")
        if is_subscription and request.method == "POST":
            self.updates.append(dict(form))
            kept = self.metadata.setdefault(path.rsplit("/", 1)[1], {})
            for name in [name for name in form if name.startswith("metadata[")]:
                kept[name[len("metadata[") : -1]] = form.pop(name)
            form.pop("proration_behavior", None)
            if form.pop("trial_end", None) == "now":
                self.trials.discard(path.rsplit("/", 1)[1])
        # An update that changes nothing localstripe knows is one that it refuses.
        method = "GET" if is_subscription and not form and request.method == "POST" else request.method
        async with (
            aiohttp.ClientSession(auth=_AUTH) as client,
            client.request(
                method,
                self.behind + path,
                params=request.query,
                data=urlencode(form),
                headers={"content-type": "application/x-www-form-urlencoded"},
            ) as there,
        ):
            found = await there.json(content_type=None)
            if is_subscription and there.status == 200:
                if found["id"] in self.trials:
                    found["status"] = "trialing"
                found["metadata"] = {
                    name: value for name, value in self.metadata.get(found["id"], {}).items() if value
                }
            return web.json_response(found, status=there.status)

    def _check_out(self, form: dict[str, str]) -> web.Response:
        session_id = f"cs_test_{len(self.checkouts) + 1}"
        cents = form.get("line_items[0][price_data][unit_amount]", "0")
        self.checkouts[session_id] = {
            "id": session_id,
            "object": "checkout.session",
            "url": f"https://checkout/{session_id}",
            "mode": form["mode"],
            "status": "open",
            "payment_status": "unpaid",
            "customer": form["customer"],
            "amount_total": int(cents),
            "currency": "usd",
            "subscription": None,
            "metadata": {
                name[len("metadata[") : -1]: value
                for name, value in form.items()
                if name.startswith("metadata[")
            },
            "form": form,
        }
        return web.json_response(self.checkouts[session_id])

    def _meter(self, form: dict[str, str]) -> web.Response:
        self.meter_calls.append(form)
        if form["payload[stripe_customer_id]"] in self.deleted:
            error = {
                "type": "invalid_request_error",
                "code": "resource_missing",
                "message": "No such customer",
            }
            return web.json_response({"error": error}, status=400)
        if self.lose_meter_answers:
            self.meter_events.setdefault(form["identifier"], form)
            return web.json_response({"error": {"type": "api_error", "message": "lost"}}, status=500)
        if form["identifier"] in self.meter_events:
            error = {"type": "invalid_request_error", "code": "duplicate_meter_event", "message": "again"}
            return web.json_response({"error": error}, status=400)
        self.meter_events[form["identifier"]] = form
        return web.json_response({"object": "billing.meter_event", "identifier": form["identifier"]})


@asynccontextmanager
async def localstripe() -> AsyncGenerator[str]:
    """localstripe in a process of its own; its address."""
    port = a_free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "localstripe",
        "--port",
        str(port),
        "--from-scratch",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with aiohttp.ClientSession(auth=_AUTH) as client, asyncio.timeout(30):
            while True:
                try:
                    async with client.get(f"{url}/v1/plans") as answer:
                        if answer.status == 200:
                            break
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.05)
        yield url
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def in_front_of(behind: str) -> AsyncGenerator[StripeServer]:
    """The front, before the localstripe at ``behind``."""
    front = StripeServer(behind)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", front.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    front.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield front
    finally:
        await runner.cleanup()
