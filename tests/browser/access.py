"""What people who do not see the page, see it small, or use it without a mouse run into."""

from typing import TYPE_CHECKING

from tools import vendor

if TYPE_CHECKING:
    from playwright.sync_api import Page

(AXE,) = [vendor.folder(package) for package in vendor.read() if package["name"] == "axe-core"]

# WCAG 2.2's least size of targets (2.5.8, with its exceptions) is not among what axe looks for by itself.
RUN = """async () => {
  const found = await axe.run(document, { resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } });
  return found.violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))
    .flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target}: ${failureSummary}`));
}"""
SMALL = """() => [...document.querySelectorAll('button, select, input, summary, [role=slider], label.button')]
  .filter((it) => it.checkVisibility() && !it.matches('.unseen'))
  .map((it) => [it.closest('label') ?? it, it.getBoundingClientRect()])
  .map(([it, own]) => [it, own, it.getBoundingClientRect()])
  .filter(([it, own, label]) => Math.max(own.width, label.width) < 24 || Math.max(own.height, label.height) < 24)
  .map(([it, own]) => `${it.outerHTML.slice(0, 80)}: ${own.width} x ${own.height}`)"""
WIDE = """() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  return [...document.querySelectorAll('body *')].filter((it) => it.getBoundingClientRect().right > clientWidth + 1)
    .map((it) => it.outerHTML.slice(0, 80));
}"""
MOVING = """() => [...document.querySelectorAll('*')].filter((it) => {
  const { transitionDuration, animationDuration, animationName } = getComputedStyle(it);
  const longest = (told) => Math.max(...told.split(',').map(Number.parseFloat));
  return longest(transitionDuration) > 0.01 || (animationName !== 'none' && longest(animationDuration) > 0.01);
}).map((it) => it.outerHTML.slice(0, 80))"""
# Of what has the focus: a way to name it, and whether that can be seen, on it or on the label that stands for it.
FOCUSED = """() => {
  const it = document.activeElement;
  if (!it || it === document.body) return null;
  const shown = it.matches('.unseen') ? document.querySelector(`label[for="${it.id}"]`) : it;
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(shown);
  const seen = (outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2) || boxShadow !== 'none';
  return { name: it.id || it.outerHTML.slice(0, 80), seen, here: shown.getBoundingClientRect().width > 1 };
}"""
REACHABLE = """() => [...document.querySelectorAll('a[href], button, select, input, summary, [tabindex]')]
  .filter((it) => !it.disabled && it.tabIndex >= 0 && it.checkVisibility())
  .map((it) => it.id || it.outerHTML.slice(0, 80))"""


def serious(page: "Page") -> list[str]:
    """What axe-core calls serious or critical, each with the element that it is about."""
    if not page.evaluate("'axe' in window"):
        page.evaluate((AXE / "axe.min.js").read_text("utf-8"))
    found: list[str] = page.evaluate(RUN)
    return found


def too_small(page: "Page") -> list[str]:
    """Controls less than 24 pixels wide or high, their label taken with them."""
    found: list[str] = page.evaluate(SMALL)
    return found


def too_wide(page: "Page") -> list[str]:
    """What makes the page scroll sideways."""
    found: list[str] = page.evaluate(WIDE)
    return found


def moving(page: "Page") -> list[str]:
    """What moves, or would if something changed."""
    found: list[str] = page.evaluate(MOVING)
    return found


def walk(page: "Page", at_most: int = 200) -> list[dict[str, object]]:
    """What the Tab key comes by, from the top of the page to its end: its `name`, whether the focus is `seen`."""
    found: list[dict[str, object]] = []
    for _ in range(at_most):
        page.keyboard.press("Tab")
        now = page.evaluate(FOCUSED)
        if now is None or (found and now["name"] == found[0]["name"]):
            break
        found.append(now)
    return found


def reachable(page: "Page") -> list[str]:
    """What can be used now, in the order in which it stands."""
    found: list[str] = page.evaluate(REACHABLE)
    return found
