/// What records have in common, the most common last: the dictionaries of ``PackedRecord``.
///
/// None may ever change: another must have another mark.
enum PackedWords {
    /// That of mark 2, with the id of the record's job or plan in it.
    static func current(_ id: String) -> [UInt8] {
        words.before + Array(id.utf8) + words.after
    }

    private static let words = (
        before: Array(
            #"""
            "message":"ended with code "},"exitCode":1,"image":"jessica/","template":"","submitter":"","after":[{"job":"\#
            "cancelled","outcome":"failed","outputs":[],"error":{"code":"exit_code","message":"","hedge":true,"roamer":true,\#
            "state":"lost","state":"stopped","stop":"cancelled","notBefore":,"deadline":,"memory":,"cluster":""kind":"custom",\#
            "kind":"voice","kind":"audio","kind":"video","kind":"vision","kind":"text","kind":"personality",\#
            "queue":"roamer","queue":"voice","queue":"audio","queue":"video","queue":"brain","queue":"eyes",\#
            "queue":"jessica","contentType":"text/plain","contentType":"audio/wav","contentType":"video/mp4",\#
            "retrySafe":false"messages\":[{\"role\":\"user\",\"content\":\"negative_prompt\":\""height\":"width\":1024,\"\#
            {"attempts":[{"assignedAt":\#u{5},"error":{"code":"worker_failed","message":"the worker answered 500\#
            "},"finishedAt":\#u{5},"hedge":false,"node":"agx-0","number":1,"roamer":false,"startedAt":\#u{5},"state":"failed",\#
            "worker":"sdxl-api"},{"assignedAt":\#u{5},"finishedAt":\#u{5},"hedge":false,"node":"agx-0","number":2,\#
            "roamer":false,"startedAt":\#u{5},"state":"succeeded","worker":"sdxl-api"}],"ending":{"at":\#u{5},\#
            "outcome":"succeeded","outputs":[{"contentType":"image/png","digest":"sha256:\#u{2}",\#
            "key":"outputs/images/
            """#.utf8),
        after: Array(
            #"""
            /1/output.png","name":"output.png","size":}]},"failures":0,"id":"01","losses":0,"queue":"vision",\#
            "request":{"command":[],"idempotencyDigest":"\#u{3}","idempotencyKey":"\#u{4}","input":"{\"prompt\":\"","kind":"image",\#
            "labels":[{"key":"","value":""},{"key":"","value":""}],"priority":0,"retries":2,"retrySafe":true,\#
            "stored":{"digest":"\#u{2}","size":5}},"submittedAt":\#u{5}
            """#.utf8)
    )

    /// That of mark 1, which no record is packed with any more.
    static let earlier = Array(
        #"""
        "error":{"code":"exit_code","message":"ended with code "},"exitCode":1,"image":"jessica/","template":"",\#
        "cancelled","failed","stopping":"cancelled","outcome":"failed","outputs":[]},"hedge":true,"roamer":true,\#
        "state":"lost","state":"stopped","notBefore":,"deadline":,"memory":,"cluster":""kind":"custom",\#
        "kind":"voice","kind":"audio","kind":"video","kind":"vision","kind":"text","kind":"personality",\#
        "queue":"roamer","queue":"voice","queue":"audio","queue":"video","queue":"brain","queue":"eyes",\#
        "queue":"jessica","contentType":"text/plain","contentType":"audio/wav","contentType":"video/mp4",\#
        "retrySafe":false{"attempts":[{"assignedAt":17,"finishedAt":17,"hedge":false,"node":"agx-0","number":1,\#
        "roamer":false,"startedAt":17,"state":"succeeded","worker":"sdxl-api"}],"ending":{"at":17,\#
        "outcome":"succeeded","outputs":[{"contentType":"image/png","digest":"sha256:",\#
        "key":"outputs/images/01m/1/output.png","name":"output.png","size":}]},"failures":0,"id":"01",\#
        "losses":0,"queue":"vision","request":{"command":[],"idempotencyDigest":"","idempotencyKey":"",\#
        "input":"{\"prompt\":\"","kind":"image","labels":[{"key":"","value":""}],"priority":0,"retries":2,\#
        "retrySafe":true},"submittedAt":17
        """#.utf8)
}
