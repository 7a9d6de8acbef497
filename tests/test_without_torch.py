"""What serves comes without PyTorch, and once graphs are kept without onnx: seen in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


IMPORTING = (
    "from models.intake import pipeline",
    "import app.client",
    "from models import catalog, checkpoints, devices; from models.checkpoints import described",
    "from app.cli import command, compiling, local, terminal",
    "import app.main, app.cli, app.serving.compiled, models.compiled.small",
    "from app.main import create_app; from app.settings import Settings; create_app(Settings(device='cpu'))",
)


def test_what_serves_comes_without_torch_and_without_what_draws() -> None:
    seen = "print({'torch', 'matplotlib'} & {*sys.modules})"
    told = "import sys\n" + "".join(f"{one}\n{seen}\n" for one in IMPORTING)
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True, cwd=ROOT)
    assert dict(zip(IMPORTING, done.stdout.splitlines(), strict=True)) == dict.fromkeys(IMPORTING, "set()")


SERVING = """
import asyncio, io, sys
import httpx
import numpy as np
from PIL import Image
from app.main import create_app
from app.settings import Settings

async def serve():
    app = create_app(Settings(device="cpu", networks="lenet"))
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")
    picture, file = np.zeros((28, 28), np.uint8), io.BytesIO()
    picture[4:24, 13:16] = 255
    Image.fromarray(picture).save(file, "PNG")
    async with app.router.lifespan_context(app), client:
        while (await client.get("/readyz")).status_code != 200:
            await asyncio.sleep(0.01)
        files = {"file": ("one.png", file.getvalue(), "image/png")}
        return (await client.post("/predict?model=lenet", files=files)).json()["label"]

label = asyncio.run(asyncio.wait_for(serve(), 300))
of_torch = {"torch", *(f"app.serving.{name}" for name in ("eager", "gpu", "recorded", "cuda"))}
print(label, "onnx" in sys.modules, *of_torch & {*sys.modules})
"""


def test_the_whole_service_runs_without_torch_and_once_graphs_are_kept_without_onnx(tmp_path: Path) -> None:
    def served() -> str:
        environment = {**os.environ, "LINEUP_CACHE_DIR": str(tmp_path)}
        command = [sys.executable, "-c", SERVING]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment)
        return done.stdout

    assert served() == "1 True\n"
    assert served() == "1 False\n"
