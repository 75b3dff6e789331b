import Testing

@testable import ObjectStore

/// The examples published with AWS Signature Version 4 for S3.
struct SignatureTests {
    private let signer = SigV4(
        accessKey: "AKIAIOSFODNN7EXAMPLE", secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        region: "us-east-1")
    private let time = Timestamp(seconds: 1_369_353_600)

    @Test func `a presigned GET has the published signature`() {
        #expect(time.long == "20130524T000000Z")
        let request = SigV4.Request(
            method: "GET", host: "examplebucket.s3.amazonaws.com", path: "/test.txt")
        let query = signer.presignedQuery(request, at: time, expiresSeconds: 86_400)
        #expect(
            query
                == "X-Amz-Algorithm=AWS4-HMAC-SHA256"
                + "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
                + "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
                + "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        )
    }

    @Test func `a GET with a range has the published signature`() throws {
        let request = SigV4.Request(
            method: "GET", host: "examplebucket.s3.amazonaws.com", path: "/test.txt",
            headers: [("Range", "bytes=0-9")], payloadHash: SigV4.hash([]))
        let headers = signer.signedHeaders(request, at: time)
        let authorization = try #require(headers.last?.value)
        #expect(
            authorization.hasSuffix(
                "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"))
    }

    @Test func `a listing has the published signature`() throws {
        let request = SigV4.Request(
            method: "GET", host: "examplebucket.s3.amazonaws.com", path: "/",
            query: [("max-keys", "2"), ("prefix", "J")], payloadHash: SigV4.hash([]))
        let authorization = try #require(signer.signedHeaders(request, at: time).last?.value)
        #expect(
            authorization.hasSuffix(
                "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"))
    }

    @Test func `days fall where the calendar has them`() {
        for (seconds, text) in [
            (0, "19700101T000000Z"), (951_782_399, "20000228T235959Z"),
            (951_782_400, "20000229T000000Z"), (1_709_251_199, "20240229T235959Z"),
            (4_107_542_400, "21000301T000000Z"), (-1, "19691231T235959Z"),
        ] {
            #expect(Timestamp(seconds: seconds).long == text)
        }
    }
}
