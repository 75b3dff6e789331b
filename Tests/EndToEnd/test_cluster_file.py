"""cluster.yaml: the user's own blocks load word for word; a wrong file changes nothing and names every mistake."""

import re
from pathlib import Path

from fleet import Fleet

AROUND = """\
fleet: jessica
registry: spark:5000
models: {source: "spark:/mnt/models", mount: /mnt/spark-models}
clusters:
  vision: {nodes: [agx-01, agx-02], kinds: [image], service: sdxl-api, template: sdxl-worker}
  video: {nodes: [agx-03, agx-04], kinds: [video], service: wan-api, template: wan-worker}
  voice: {nodes: [agx-05], kinds: [voice], service: tts-api, template: tts-worker}
  audio: {nodes: [agx-06], kinds: [audio], service: music-api}
  brain: {nodes: [agx-07, agx-08], kinds: [text], service: llm-api, template: llm-worker}
  eyes: {nodes: [agx-09], kinds: [vision], service: camera-api}
  jessica: {nodes: [agx-10], kinds: [personality], service: jessica-personality}
roamers: {nodes: [agx-11, agx-12, agx-13, agx-14, agx-15]}

"""

# These three are the user's document, letter by letter.
SPARK_SERVICES = """\
# Core orchestration
jessica-core:        # Main brain, routes requests
job-queue:           # Redis-based job distribution  
model-registry:      # S3 bucket with all model weights
service-mesh:        # Traefik for internal routing
api-gateway:         # External API (Cloudflare tunnel)

# Management
fleet-commander:     # UI for cluster management
portainer:           # Container management
prometheus:          # Metrics collection
"""

SERVICES = """\
# VISION CLUSTER (AGX-01, AGX-02)
sdxl-api:
  replicas: 2
  image: jessica/sdxl:latest
  gpu: true
  models:
    - sdxl-base-1.0
    - sdxl-refiner-1.0
    - controlnet-*
    - loras/*

# VIDEO CLUSTER (AGX-03, AGX-04)  
wan-api:
  replicas: 2
  image: jessica/wan:latest
  gpu: true
  models:
    - wan-2.1-i2v
    - wan-2.1-t2v

# VOICE CLUSTER (AGX-05)
tts-api:
  replicas: 1
  image: jessica/tts:latest
  gpu: true
  models:
    - xtts-v2
    - bark
    - f5-tts

# AUDIO CLUSTER (AGX-06)
music-api:
  replicas: 1
  image: jessica/music:latest
  gpu: true
  models:
    - musicgen-large
    - audiogen

# BRAIN CLUSTER (AGX-07, AGX-08)
llm-api:
  replicas: 2
  image: jessica/llm:latest
  gpu: true
  models:
    - llama-3.1-70b-4bit  # or whatever fits
    - mistral-nemo
    
# EYES CLUSTER (AGX-09)
camera-api:
  replicas: 1
  image: jessica/vision:latest
  gpu: true
  devices:
    - /dev/video0
    - /dev/video1
    - /dev/video2
    - /dev/video3
  models:
    - yolov8
    - depth-anything
    - face-recognition

# JESSICA CLUSTER (AGX-10)
jessica-personality:
  replicas: 1
  image: jessica/personality:latest
  gpu: true
  components:
    - emotion-engine
    - memory-system
    - creativity-module
"""

TEMPLATES = """\
# Templates that roamers can spin up
templates:
  sdxl-worker:
    image: jessica/sdxl:latest
    startup_time: 45s
    
  wan-worker:
    image: jessica/wan:latest
    startup_time: 60s
    
  llm-worker:
    image: jessica/llm:latest
    startup_time: 30s
    
  tts-worker:
    image: jessica/tts:latest
    startup_time: 20s
    
  generic-worker:
    image: jessica/base:latest
    startup_time: 10s
"""

NETWORKS = """\
networks:
  # Management network
  fleet-mgmt:
    driver: overlay
    attachable: true
    
  # Service mesh (all AI services)
  jessica-mesh:
    driver: overlay
    attachable: true
    
  # Camera network (isolated)
  camera-net:
    driver: overlay
    internal: true
"""

# (line, word of the message) of each mistake.
WRONG = """\
fleet: jessica
clusters:
  vision:
    nodes: [agx-01, agx-02, agx-01]
    kinds: [image]
    service: sdxl-api
    colour: blue
  video:
    nodes: [agx-02, agx-03]
    kinds: [video]
    service: wan-api
services:
  sdxl-api:
    replicas: 2
  wan-api:
    replicas: 3
    image: jessica/wan:latest
"""
MISTAKES = {4: "agx-01", 7: "colour", 9: "agx-02", 13: "image", 16: "replicas"}


def test_the_users_own_blocks_load_word_for_word(fleet: Fleet, tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(AROUND + SPARK_SERVICES + SERVICES + TEMPLATES + NETWORKS)
    before = fleet.get("/fleet")["revision"]
    planned = fleet.jctl("plan", "-f", str(file))
    assert planned.returncode == 1, planned.stderr
    for model in ("loras/*", "llama-3.1-70b-4bit", "/dev/video3"):
        assert model in planned.stdout, f"{model} is not in the plan:\n{planned.stdout}"
    assert fleet.get("/fleet")["revision"] == before, "a plan has changed the fleet"
    # What runs now is what was asked for: nothing to do.
    file.write_text(fleet.get("/fleet")["source"])
    assert fleet.jctl("plan", "-f", str(file)).returncode == 0


def test_five_mistakes_give_five_lines_and_nothing_is_applied(fleet: Fleet, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(WRONG)
    before = fleet.get("/fleet")
    done = fleet.jctl("apply", "-f", str(file))
    assert done.returncode == 2, done.stderr
    lines = re.findall(rf"^\s*{re.escape(str(file))}:(\d+): (.*)$", done.stderr, re.MULTILINE)
    assert [int(line) for line, _ in lines] == sorted(MISTAKES), done.stderr
    for line, text in lines:
        assert MISTAKES[int(line)] in text, f"line {line} says: {text}"
    assert fleet.get("/fleet") == before
    assert len(fleet.items("/nodes")) == 15
