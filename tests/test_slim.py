"""What a page downloads first holds what the site uses, and still does what it did."""

from pathlib import Path

import material
import pytest
from playwright.sync_api import expect

from calculator.web import slim

USED = frozenset({"a", "b", "menu", "menu--wide", "--asked-by-script"})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (".a{x:1}.gone{x:2}", ".a{x:1}"),
        (".a,.gone,.b{x:1}", ".a,.b{x:1}"),
        (".a:not(.gone){x:1}", ".a:not(.gone){x:1}"),
        (".a:is(.gone,.b) p{x:1}", ".a:is(.gone,.b) p{x:1}"),
        (".menu--wide:hover{x:1}", ".menu--wide:hover{x:1}"),
        ("@media print{.gone{x:1}}p{x:1}", "p{x:1}"),
        ("@media print{.a{x:1}.gone{x:1}}", "@media print{.a{x:1}}"),
        ('@charset "UTF-8";.gone{x:1}p{x:1}', '@charset "UTF-8";p{x:1}'),
        ("@keyframes k{from{x:1}to{x:2}}", "@keyframes k{from{x:1}to{x:2}}"),
        (":root{--gone:url('data:,a;b');--kept:1}p{x:var(--kept)}", ":root{--kept:1}p{x:var(--kept)}"),
        (":root{--asked-by-script:1}", ":root{--asked-by-script:1}"),
        ("/* .a{ */p{x:1}", "p{x:1}"),
        ('a[href$=".gone"]{x:1}', 'a[href$=".gone"]{x:1}'),
        ("[dir=rtl] .a,[dir=ltr] .a{x:1}", "[dir=ltr] .a{x:1}"),
        ("[data-md-color-primary=pink],[data-md-color-primary=a]{x:1}", "[data-md-color-primary=a]{x:1}"),
    ],
)
def test_a_rule_that_can_match_nothing_goes_and_every_other_stays(before, after):
    assert slim.variables(slim.style(before, USED), USED | slim.asked([before])) == after


def test_what_one_stylesheet_asks_for_stays_where_another_one_sets_it():
    sets, asks = ":root{--ground:white;--unused:1}", "p{color:var(--ground)}"
    assert slim.variables(sets, slim.asked([sets, asks])) == ":root{--ground:white;}"


def test_what_counts_is_what_elements_have_and_not_what_the_text_says():
    pages = ['<body data-md-color-scheme="slate"><p class="lead wide">A note, an example, a warning.</p></body>']
    scripts = ["made.className = 'md-clipboard'; made.classList.add('md-annotation', 'mermaid');"]
    used = slim.words(pages, scripts)
    assert {"lead", "wide", "slate", "md-clipboard"} <= used
    assert not used & {"note", "example", "warning", "md-annotation", "mermaid"}
    assert "md-tag" in slim.words(['<a class="md-tag" href="x">y</a>'], scripts)


def test_a_variable_whose_picture_has_brackets_goes_whole():
    before = ":root{--gone:url(\"data:,<g transform='rotate(45)'>\");--kept:1;}"
    assert slim.variables(before, frozenset({"--kept"})) == ":root{--kept:1;}"


# Of a state, as of a pointer over it, or of what stands before an element, the element itself is asked for.
MATCHED = r"""([whole, kept]) => {
  const parts = (text) => text.split(/,(?![^(]*\))/).map((one) => one.trim());
  const of = (rule) => (rule.selectorText ? parts(rule.selectorText) : [...(rule.cssRules ?? [])].flatMap(of));
  const selectors = (text) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    return new Set([...sheet.cssRules].flatMap(of));
  };
  const states = /::[-\w]+(?::[-\w]+)*|:(?:before|after|hover|focus(?:-\w+)?|active|checked|target|[-\w]*placeholder)/g;
  const after = selectors(kept);
  const lost = [...selectors(whole)].filter((one) => !after.has(one));
  return [lost.length, lost.filter((one) => document.querySelector(one.replace(states, ":not(never)")))];
}"""


@pytest.mark.browser
def test_no_page_has_an_element_whose_rule_a_style_lost(site, page, address):
    """The theme's own stylesheet against what was published: whatever matches an element is still there."""
    (kept,) = (site / "assets/stylesheets").glob("main.*.min.css")
    (whole,) = Path(material.__path__[0]).rglob(kept.name)
    rules = "() => [...document.styleSheets].flatMap((one) => [...one.cssRules].map((rule) => rule.cssText)).join()"
    for path in ("", "decide/", "do-not/limited-compute/", "evidence/cases/", "reference/command-line/", "404.html"):
        page.goto(address + path)
        lost, found = page.evaluate(MATCHED, [whole.read_text("utf-8"), kept.read_text("utf-8")])
        assert lost > 300
        assert found == [], path
    said = page.evaluate(rules)
    asked = {name for name in slim.asked([said]) if f"{name}:" in whole.read_text("utf-8")}
    assert [name for name in asked if f"{name}:" not in said] == []
    # The theme keeps the scheme of the first visit.
    page = page.context.browser.new_context(color_scheme="dark").new_page()
    page.goto(address)
    expect(page.locator("body")).not_to_have_css("background-color", "rgb(255, 255, 255)")
    shown = page.locator(".md-tabs__link").first.evaluate("(link) => getComputedStyle(link).color")
    assert shown != page.locator(".md-tabs").evaluate("(bar) => getComputedStyle(bar).backgroundColor")
    page.context.close()
