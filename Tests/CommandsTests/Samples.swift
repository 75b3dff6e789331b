/// Objects as the controller sends them.
enum Samples {
    static let id = "01JD3V5K8Q2M7N4P6R8S0T1V2W"

    static func job(
        _ state: String, id: String = id, kind: String = "image", extra: String = ""
    ) -> String {
        """
        {"id":"\(id)","kind":"\(kind)","state":"\(state)","cluster":"vision","attempt":1,\
        "priority":0,"submittedAt":"2026-11-23T11:59:30.000Z","input":{"prompt":"a sunset"}\
        \(extra.isEmpty ? "" : "," + extra)}
        """
    }

    static let queued = job(
        "queued", id: "01JD3V5K8Q2M7N4P6R8S0T1V2X",
        extra: """
            "queuePosition":3,"etaSeconds":94.2,"node":null,"progress":null,\
            "reason":"every vision node is busy, and no roamer is idle"
            """)
    static let running = job(
        "running",
        extra: """
            "node":"agx-01","startedAt":"2026-11-23T11:59:40.000Z",\
            "progress":{"fraction":0.42,"text":"step 21 of 50"}
            """)
    static let succeeded = job(
        "succeeded",
        extra: """
            "node":"agx-01","startedAt":"2026-11-23T11:59:40.000Z",\
            "finishedAt":"2026-11-23T11:59:52.500Z","outputs":[\
            {"name":"picture.png","contentType":"image/png","size":9,"url":"/x"},\
            {"name":"caption.txt","contentType":"text/plain","size":12,"url":"/y"}],\
            "timeline":[{"at":"2026-11-23T11:59:30.000Z","state":"queued","durationSeconds":8},\
            {"at":"2026-11-23T11:59:38.000Z","state":"assigned","node":"agx-01","attempt":1},\
            {"at":"2026-11-23T11:59:40.000Z","state":"running","node":"agx-01","attempt":1},\
            {"at":"2026-11-23T11:59:52.500Z","state":"succeeded"}],\
            "attempts":[{"attempt":1,"node":"agx-01","roamer":null,"state":"succeeded",\
            "startedAt":"2026-11-23T11:59:40.000Z","finishedAt":"2026-11-23T11:59:52.500Z",\
            "exitCode":0,"error":null}],"somethingNew":{"a":[1]}
            """)
    static func failed(exitCode: Int) -> String {
        job(
            "failed", kind: "custom",
            extra: """
                "node":"agx-11","error":{"code":"exited","message":"exit code \(exitCode)",\
                "retryable":false},"attempts":[{"attempt":1,"node":"agx-11","state":"failed",\
                "exitCode":\(exitCode)}]
                """)
    }
    static let cancelled = job("cancelled", extra: #""reason":"cancelled by jctl""#)

    static let node = """
        {"name":"agx-01","role":"dedicated","cluster":"vision","state":"ready","schedulable":true,\
        "draining":false,"incarnation":"b1:3","agentVersion":"0.1.0","running":1,"slots":2,\
        "address":"10.0.0.11","lastSeenAt":"2026-11-23T11:59:58.000Z","roamer":null,\
        "pods":[{"name":"sdxl-api-0","service":"sdxl-api","state":"ready","image":"jessica/sdxl"}],\
        "telemetry":{"at":"2026-11-23T11:59:58.000Z","cpu":12.5,"gpu":93,"memoryUsed":21000000000,\
        "memoryTotal":64000000000,"temperature":61.4,"power":31.2}}
        """
    static let cordoned = """
        {"name":"agx-02","role":"dedicated","cluster":"vision","state":"suspect",\
        "schedulable":false,"cordoned":true,"running":0,"slots":1}
        """
    static let roamer = """
        {"name":"agx-11","role":"roamer","state":"ready","schedulable":true,"running":0,"slots":1,\
        "roamer":{"state":"PROVISIONING","template":"sdxl-worker","assignment":{"cluster":"vision",\
        "image":"jessica/sdxl:latest","mode":"fixed","until":"2026-11-23T13:00:00.000Z"},\
        "since":"2026-11-23T11:59:48.000Z","progress":{"fraction":0.4,"text":"pulling 2.1/5.2 GB"},\
        "reason":null},"lastSeenAt":"2026-11-23T11:59:59.000Z"}
        """
    static let idleRoamer = """
        {"name":"agx-12","role":"roamer","state":"ready","roamer":{"state":"IDLE",\
        "assignment":null,"since":"2026-11-23T10:00:00.000Z","progress":null}}
        """
    static let cluster = """
        {"name":"vision","kinds":["image"],"nodes":["agx-01","agx-02"],"ready":2,"busy":1,\
        "queued":3,"running":1,"roamers":["agx-11"]}
        """
    static let service = """
        {"name":"sdxl-api","image":"spark:5000/jessica/sdxl:latest","contract":"cog","slots":1,\
        "memory":18000000000,"replicas":2,"cluster":"vision"}
        """
    static let template = """
        {"name":"sdxl-worker","image":"spark:5000/jessica/sdxl:latest","contract":"cog","slots":1,\
        "memory":"18GB","startupSeconds":45,"clusters":["vision"]}
        """
    static let summary = """
        {"version":"0.1.0","uptimeSeconds":93784,"term":4,"store":{"healthy":true,"error":null},\
        "jobs":{"queued":3,"running":2,"failed":0},"nodes":{"ready":14,"suspect":1,"total":15},\
        "roamers":{"idle":3,"running":2}}
        """
    static func event(_ seq: Int, _ at: String = "2026-11-23T11:59:00.000Z") -> String {
        """
        {"seq":\(seq),"at":"\(at)","type":"roamer.state","job":null,"node":"agx-11",\
        "from":"IDLE","to":"ASSIGNED","reason":"vision has 4 waiting jobs","durationSeconds":71}
        """
    }
    static func list(_ items: String..., next: String = "null") -> String {
        "{\"items\":[\(items.joined(separator: ","))],\"next\":\(next)}"
    }
}
