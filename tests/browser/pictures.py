"""Pictures to send to the page, drawn here, and the ways in which they come to it."""

import base64
import io
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from tests.browser.visits import Place

if TYPE_CHECKING:
    from playwright.sync_api import Page

SEVEN: list[Place] = [(0.3, 0.22), (0.7, 0.22), (0.46, 0.8)]
ONE: list[Place] = [(0.5, 0.2), (0.5, 0.8)]

# What a file manager hands over: the file in a DataTransfer. `event` is drop or paste.
HAND_OVER = """([event, name, type, text]) => {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name, { type }));
  const about = { bubbles: true, cancelable: true };
  const it = event === 'drop' ? new DragEvent('drop', { ...about, dataTransfer: data })
                              : new ClipboardEvent('paste', { ...about, clipboardData: data });
  document.getElementById('pad').dispatchEvent(it);
}"""


def png(stroke: list[Place], side: int = 200) -> bytes:
    """A stroke as thick as a felt pen's, black on white."""
    picture = Image.new("L", (side, side), 255)
    places = [(x * side, y * side) for x, y in stroke]
    ImageDraw.Draw(picture).line(places, fill=0, width=side // 14, joint="curve")
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def hand_over(page: "Page", event: str, data: bytes, name: str = "seven.png", kind: str = "image/png") -> None:
    """Drop a file onto the pad, or paste it."""
    page.evaluate(HAND_OVER, [event, name, kind, base64.b64encode(data).decode()])
