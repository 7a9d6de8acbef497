"""FastAPI and torch as tutorials have it: one eager forward a request. `python -m bench.rivals.tutorial PORT`."""

import io
import sys

import numpy as np
import torch
import uvicorn
from fastapi import FastAPI, UploadFile
from PIL import Image

from models import catalog, checkpoints

app = FastAPI()
classifiers = {name: checkpoints.load(checkpoints.path_for("mnist", name)) for name in catalog.ARCHITECTURES}


def answer(model: str, data: bytes) -> dict[str, object]:
    image = Image.open(io.BytesIO(data)).convert("L").resize((28, 28))
    with torch.inference_mode():
        logits = classifiers[model](torch.from_numpy(np.array(image))[None])
    probabilities = logits.softmax(1)[0]
    index = int(probabilities.argmax())
    return {"model": model, "label": classifiers[model].classes[index], "probabilities": probabilities.tolist()}


@app.post("/predict")
async def predict(file: UploadFile, model: str = "resnet18") -> dict[str, object]:
    return answer(model, await file.read())


@app.post("/compare")
async def compare(file: UploadFile) -> dict[str, object]:
    data = await file.read()
    return {"results": [answer(model, data) for model in classifiers]}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), access_log=False)
