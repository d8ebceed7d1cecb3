"""The HTML that the sandbox shows: a frame, small parts, and the consent page."""

from collections.abc import Iterable, Mapping

from integrations.sandbox.companies import Company
from integrations.sandbox.wire import HTML_TYPE, Response, escape

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2330; --soft: #5b6474; --paper: #f6f5f1; --card: #fff;
  --line: #8a8f99; --rule: #dddcd6; --brand: #0f6b5c; --on-brand: #fff; --bad: #a5271f; --focus: #1f6feb }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e9eaee; --soft: #a6adbb; --paper: #15181e; --card: #1e222a; --line: #747c8c;
    --rule: #343a46; --brand: #5fc9b4; --on-brand: #0c211d; --bad: #ff9b92; --focus: #79b0ff } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
header, main, footer { max-width: 70rem; margin: auto; padding: 1rem }
.narrow header, .narrow main, .narrow footer { max-width: 34rem }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .25rem 0; overflow-wrap: anywhere }
h2 { font-size: 1.15rem; margin: 0 0 .5rem }
p { margin: .4rem 0 }
li { overflow-wrap: anywhere }
a { color: var(--brand) }
.soft, footer { color: var(--soft); font-size: .9rem }
section, details { background: var(--card); border: 1px solid var(--rule); border-radius: .75rem;
  padding: 1rem; margin: 0 0 1rem }
summary { cursor: pointer; font-weight: 600 }
label { display: block; font-weight: 600; font-size: .9rem; margin: .6rem 0 .2rem }
input, select, button { font: inherit; color: inherit; min-height: 2.75rem; padding: .4rem .7rem;
  border-radius: .5rem; border: 1px solid var(--line); background: var(--paper); max-width: 100% }
input, select { width: 100% }
button { background: var(--brand); color: var(--on-brand); border-color: transparent; font-weight: 600;
  cursor: pointer; margin: .7rem .4rem 0 0 }
button.plain { background: transparent; color: inherit; border-color: var(--line) }
button.bad { background: transparent; color: var(--bad); border-color: currentColor }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px }
.grid { display: grid; gap: 0 1rem; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)) }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-size: .95rem }
th, td { text-align: left; padding: .45rem .8rem .45rem 0; border-bottom: 1px solid var(--rule);
  white-space: nowrap }
.problem, .note { border-left: .3rem solid var(--brand); padding: .3rem .8rem; margin: 0 0 1rem }
.problem { border-color: var(--bad) }
"""
_RECEIVES = (
    "Names, e-mail addresses and phone numbers of your employees",
    "Job titles, departments, managers and work locations",
    "Hire dates, last days of work and employment status",
    "Home addresses and your company's custom fields",
)
# Carried through the form: they belong to the application's link.
_LINK_FIELDS = ("client_id", "redirect_uri", "response_type", "state")


def page(title: str, body: str, *, status: int = 200, is_narrow: bool = False, provider: str = "Gusto") -> Response:
    """Return a whole page around `body`, which is HTML."""
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body{' class=narrow' if is_narrow else ''}>"
        f'<header><p class="soft">Sandbox: a stand-in for {provider}, with invented people</p>'
        f"<h1>{escape(title)}</h1></header><main>{body}</main>"
        "<footer>Nothing here is real, and nothing is sent anywhere.</footer></body></html>"
    )
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'",
        "Referrer-Policy": "same-origin",
        "X-Frame-Options": "DENY",
    }
    return Response(status, html.encode(errors="replace"), headers, HTML_TYPE)


def message_page(title: str, message: str, *, status: int, provider: str = "Gusto") -> Response:
    """Return a page that says one thing."""
    body = f'<section><p>{escape(message)}</p><p><a href="/">Control page</a></p></section>'
    return page(title, body, status=status, is_narrow=True, provider=provider)


def text_input(name: str, label: str, value: object = "", *, kind: str = "text", key: str = "") -> str:
    """Return a labelled input; `key` makes its id unique when the name is on the page twice."""
    identifier = escape(f"{key}{name}")
    return (
        f'<div><label for="{identifier}">{escape(label)}</label>'
        f'<input id="{identifier}" name="{escape(name)}" type="{kind}" value="{escape(value)}"></div>'
    )


def select(name: str, label: str, options: Mapping[str, str], chosen: str | None = None, *, key: str = "") -> str:
    """Return a labelled choice; `options` maps values to labels."""
    identifier = escape(f"{key}{name}")
    shown = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(text)}</option>'
        for value, text in options.items()
    )
    return (
        f'<div><label for="{identifier}">{escape(label)}</label>'
        f'<select id="{identifier}" name="{escape(name)}">{shown}</select></div>'
    )


def hidden(**values: object) -> str:
    """Return hidden fields."""
    return "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in values.items()
    )


def form(action: str, body: str, button: str, *, style: str = "") -> str:
    """Return a form that posts to `action`."""
    return (
        f'<form method="post" action="{escape(action)}">{body}'
        f"<button{f' class={style}' if style else ''}>{escape(button)}</button></form>"
    )


def consent_page(link: Mapping[str, str], companies: Iterable[Company], *, problem: str | None = None) -> Response:
    """Return the page on which an admin allows or denies; `link` is the application's query."""
    names = {company.uuid: company.name for company in companies}
    received = "".join(f"<li>{line}</li>" for line in _RECEIVES)
    carried = hidden(**{key: link[key] for key in _LINK_FIELDS if key in link})
    warning = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
    body = f"""{warning}
<form method="post" action="/oauth/authorize">{carried}
<section><h2>Sign in</h2>
{text_input("user_id", "User ID", link.get("user_id", "ines@harborpine.example"))}
{text_input("password", "Password", link.get("password", "harbor-demo"), kind="password")}
</section>
<section><h2>Choose a company</h2>{select("company", "Company", names, link.get("company"))}</section>
<section><h2>Rollcall will receive</h2><ul>{received}</ul>
<p class="soft">It will not see pay, bank details or social security numbers.</p>
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny" class="plain">Deny</button>
</section></form>"""
    title = "Rollcall asks for access to Gusto"
    return page(title, body, status=422 if problem else 200, is_narrow=True)
