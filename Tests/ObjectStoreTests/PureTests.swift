import Testing

@testable import ObjectStore

struct PureTests {
    @Test func `keys are relative, plain and bounded`() throws {
        for good in [
            "a", "a/b.c", "outputs/images/J-1_x/1/out-0.png", "a..b",
            String(repeating: "k", count: 200),
        ] {
            #expect(throws: Never.self) { try ObjectKey(good) }
        }
        for bad in [
            "", "/a", "a/", "a//b", "..", "../a", "a/../b", "a/./b", ".a", "a/.b", "a b", "a\\b",
            "a\0b", "ä",
            "a%2e", "a?b", "a\n", String(repeating: "k", count: 201),
            String(repeating: "k/", count: 256) + "k",
        ] {
            #expect(throws: ObjectStoreError.self, "\(bad)") { try ObjectKey(bad) }
        }
    }

    @Test func `the layout puts each kind in its folder`() throws {
        for (kind, folder) in [
            ("image", "images"), ("video", "videos"), ("voice", "audio"), ("audio", "audio"),
            ("text", "temp"),
            ("custom", "temp"), ("../x", "temp"),
        ] {
            let key = try ObjectLayout.output(kind: kind, job: "j", attempt: 2, name: "n.bin")
            #expect(key.text == "outputs/\(folder)/j/2/n.bin")
        }
        #expect(try ObjectLayout.log(job: "j", attempt: 1).text == "logs/j/1.log")
        #expect(try ObjectLayout.input(job: "j").text == "inputs/j.json")
        // Whatever somebody is called, it is one component, and nobody else's.
        for (owner, folder) in [
            ("alice", "alice"), ("a.b-c", "a.b-c"), (".b", "_2eb"), ("a@b", "a_40b"),
            ("a_40b", "a_5f40b"), ("é", "_c3_a9"), ("..", "_2e."), ("a/b", "a_2fb"),
        ] {
            let key = try ObjectLayout.upload(owner: owner, id: "u", name: "n")
            #expect(key.text == "uploads/\(folder)/u/n")
        }
        for (job, name) in [("a/b", "n"), ("..", "n"), ("j", "../n"), ("j", ""), ("j", "a/b")] {
            #expect(throws: ObjectStoreError.self) {
                try ObjectLayout.output(kind: "image", job: job, attempt: 1, name: name)
            }
        }
        #expect(throws: ObjectStoreError.self) { try ObjectLayout.log(job: "j", attempt: -1) }
    }

    @Test func `a key of the layout says whose it is, and no other does`() throws {
        for kind in ["image", "video", "voice", "text"] {
            let output = try ObjectLayout.output(kind: kind, job: "j", attempt: 2, name: "ü")
            #expect(ObjectLayout.job(of: output) == "j")
        }
        #expect(try ObjectLayout.job(of: ObjectLayout.log(job: "j", attempt: 10)) == "j")
        #expect(try ObjectLayout.job(of: ObjectLayout.input(job: "j")) == "j")
        for other in [
            "outputs", "outputs/j/1/n", "outputs/images/j/n", "outputs/images/j/1/n/m",
            "outputs/mine/j/1/n", "outputs/images/j/01/n", "outputs/images/j/-1/n",
            "outputs/images/j/99999999999999999999/n", "logs/j/1", "logs/j/x.log", "logs/1.log",
            "logs/j/1.log/x", "inputs/j", "inputs/j/j.json", "uploads/a/u/n", "configs/j",
            "x/outputs/images/j/1/n",
        ] {
            #expect(try ObjectLayout.job(of: key(other)) == nil, "\(other)")
        }
    }

    @Test func `times of listings are read, and what is none is not`() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0), ("2013-05-24T00:00:00.000Z", 1_369_353_600),
            ("2024-02-29T23:59:59.5Z", 1_709_251_199), ("1969-12-31T23:59:59Z", -1),
        ] {
            #expect(Timestamp(text)?.seconds == seconds, "\(text)")
        }
        for day in stride(from: -200_000, to: 200_000, by: 61) {
            let time = Timestamp(seconds: day * 86_400 + 3_723)
            let date = Array(time.short)
            let text = "\(String(date[0..<4]))-\(String(date[4..<6]))-\(String(date[6..<8]))"
            #expect(Timestamp(text + "T01:02:03Z") == time)
        }
        for bad in [
            "", "Z", "20130524T000000Z", "2013-05-24T00:00:00", "2013-05-24T00:00:00+02:00",
            "2013-13-24T00:00:00Z", "2013-05-00T00:00:00Z", "2013-05-24T24:00:00Z",
            "2013-05-24 00:00:00Z", "+013-05-24T00:00:00Z", "2013-05-24T00:00:000Z",
            "Fri, 24 May 2013 00:00:00 GMT", String(repeating: "9", count: 1_000),
        ] {
            #expect(Timestamp(bad) == nil, "\(bad)")
        }
    }

    @Test func `an output of any name has a key of its own`() throws {
        func part(_ name: String) throws -> String {
            let key = try ObjectLayout.output(kind: "image", job: "j", attempt: 1, name: name)
            return String(key.text.dropFirst("outputs/images/j/1/".count))
        }
        for (name, expected) in [
            ("a.png", "a.png"), ("ComfyUI_00001_.png", "ComfyUI_00001_.png"),
            ("my picture ü.txt", "_my_20picture_20_c3_bc.txt"), (".hidden", "__2ehidden"),
            ("_20", "__5f20"), ("..", "__2e."), ("a\\b", "_a_5cb"), ("%", "__25"),
        ] {
            #expect(try part(name) == expected, "\(name)")
        }
        // What looks like a changed name is changed too, and what would be too long is a digest.
        let long = String(repeating: "ü", count: 120)
        let names = [
            " ", "_20", "__20", "20", ".a", "_2ea", "__2ea", "a b", "a_20b", "_a_20b", long,
            long + "x", String(repeating: "a", count: 255), try part(long),
            String(try part(long).dropFirst()),
        ]
        #expect(try Set(names.map(part)).count == names.count)
        #expect(try names.allSatisfy { try part($0).utf8.count <= 200 })
    }

    @Test func `ranges resolve or are refused`() {
        #expect(ByteRange.from(0, through: 0).resolved(size: 5) == 0..<1)
        #expect(ByteRange.from(4, through: Int.max).resolved(size: 5) == 4..<5)
        #expect(ByteRange.from(0, through: Int.max).resolved(size: Int.max) == 0..<Int.max)
        #expect(ByteRange.suffix(Int.max).resolved(size: 5) == 0..<5)
        for bad in [
            ByteRange.from(5, through: nil), .from(-1, through: 2), .from(3, through: 2),
            .suffix(0), .suffix(-1),
        ] {
            #expect(bad.resolved(size: 5) == nil)
        }
        #expect(ByteRange.suffix(1).resolved(size: 0) == nil)
    }

    @Test func `a signed URL allows what was signed and nothing else`() throws {
        let now = 1_700_000_000
        let secret = [UInt8](repeating: 1, count: 32)
        let signer = try URLSigner(secret: secret, clock: WallClock { now })
        let name = try ObjectKey("a/b")
        let grant = SignedGrant(key: name, maxBytes: 10, contentType: "image/png; x=\"ä&=\n\"")
        let query = try signer.query(method: "PUT", grant: grant, expiresSeconds: 60)
        #expect(try signer.verify(method: "PUT", key: name, query: query) == grant)
        #expect(throws: SignedURLRefusal.wrongMethod) {
            try signer.verify(method: "GET", key: name, query: query)
        }
        let later = try URLSigner(secret: secret, clock: WallClock { now + 60 })
        #expect(throws: SignedURLRefusal.expired) {
            try later.verify(method: "PUT", key: name, query: query)
        }
        let almost = try URLSigner(secret: secret, clock: WallClock { now + 59 })
        #expect(throws: Never.self) { try almost.verify(method: "PUT", key: name, query: query) }
        let other = try URLSigner(
            secret: [UInt8](repeating: 2, count: 32), clock: WallClock { now })
        #expect(throws: SignedURLRefusal.badSignature) {
            try other.verify(method: "PUT", key: name, query: query)
        }
        #expect(throws: SignedURLRefusal.badSignature) {
            try signer.verify(method: "PUT", key: ObjectKey("a/c"), query: query)
        }
        for (old, new) in [("s=10", "s=11"), ("m=PUT", "m=GET"), ("e=17", "e=27"), ("png", "gif")] {
            #expect(throws: SignedURLRefusal.badSignature) {
                try signer.verify(method: "PUT", key: name, query: query.replacing(old, with: new))
            }
        }
        let read = try signer.query(
            method: "GET", grant: SignedGrant(key: name, maxBytes: 0, contentType: ""),
            expiresSeconds: 60)
        #expect(throws: Never.self) { try signer.verify(method: "HEAD", key: name, query: read) }
        for bad in [
            "", "m=PUT", query + "&m=PUT", query + "&x=1",
            query.replacing("s=10", with: "s=99999999999999999999"),
            query.replacing("h=", with: "h=zz"), query + String(repeating: "0", count: 4000), "%",
            query + "%",
        ] {
            #expect(throws: SignedURLRefusal.malformed, "\(bad)") {
                try signer.verify(method: "PUT", key: name, query: bad)
            }
        }
        for short in [query.dropLast(2), query.prefix { $0 != "h" } + "h="] {
            #expect(throws: SignedURLRefusal.badSignature) {
                try signer.verify(method: "PUT", key: name, query: String(short))
            }
        }
        #expect(throws: ObjectStoreError.self) { try URLSigner(secret: [1, 2, 3]) }
        #expect(throws: ObjectStoreError.self) {
            try signer.query(method: "DELETE", grant: grant, expiresSeconds: 60)
        }
    }

    @Test func `listings are read and hostile ones refused`() throws {
        let page = try S3Reply.page(
            Array(
                """
                <?xml version="1.0" encoding="UTF-8"?><!-- x -->
                <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>true</IsTruncated>
                <NextContinuationToken>a&amp;b&#x41;</NextContinuationToken>
                <Contents><Key>x/y.png</Key><Size>5</Size><ETag>&quot;e&quot;</ETag><LastModified>1970-01-01T00:01:00.000Z</LastModified></Contents>
                <Contents><Key>z</Key><Size>0</Size><LastModified>yesterday</LastModified></Contents>
                <Contents><Key>../evil</Key><Size>5</Size></Contents>
                <Contents><Key>neg</Key><Size>-5</Size></Contents><Other a='>' b="/>"/></ListBucketResult>
                """.utf8))
        #expect(page.next == "a&bA" && page.objects.map(\.key.text) == ["x/y.png", "z"])
        #expect(page.objects.map(\.modified) == [60, nil])
        #expect(page.objects.first?.etag == "e" && page.objects.first?.contentType == "image/png")
        for bad in [
            "", "<", "<a", "<a>", "<a></b>", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
            "<a>&b;</a>", "<a>&#x110000;</a>",
            "<a>&#55555555555;</a>", "<a><![CDATA[x]]></a>", String(repeating: "<a>", count: 100),
            "<a b=\"></a>", "{}",
        ] {
            #expect(throws: ObjectStoreError.self, "\(bad)") { try S3Reply.page(Array(bad.utf8)) }
        }
    }

    @Test func `broken answers do not trap`() throws {
        let seed = Array(
            "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>x&#65;</Key><Size>5</Size></Contents></ListBucketResult>"
                .utf8)
        var state: UInt64 = 99
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        let inserts = Array("<>/&;#\"'=?!-x0".utf8)
        for _ in 0..<30_000 {
            var body = seed
            for _ in 0...random(4) {
                let at = random(body.count)
                switch random(3) {
                case 0: body[at] = UInt8(random(256))
                case 1: body.insert(inserts[random(inserts.count)], at: at)
                default: body.removeSubrange(at..<max(at, min(body.count - 1, at + random(9))))
                }
            }
            _ = try? S3Reply.page(body)
            let text = String(decoding: body, as: UTF8.self)
            _ = try? ObjectKey(text)
            _ = URLText.decode(text)
        }
    }
}
