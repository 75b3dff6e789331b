/// The YAML blocks of the user's design document, word for word, blanks at line ends included.
enum UserBlocks {
    /// The Spark's own services.
    static let spark = #"""
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

        """#

    /// The services of the seven clusters.
    static let services = #"""
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

        """#

    /// What roamers can become.
    static let templates = #"""
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

        """#

    /// The Docker networks.
    static let networks = #"""
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

        """#

    static let all = [spark, services, templates, networks]
}
