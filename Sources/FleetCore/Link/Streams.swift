/// A sample of a machine.
package struct Telemetry: Hashable, Sendable, Codable {
    /// Processor use, 0…1.
    package var cpu: Double?
    /// GPU use, 0…1.
    package var gpu: Double?
    /// Bytes of memory in use.
    package var memoryUsed: UInt64?
    /// Bytes of memory.
    package var memoryTotal: UInt64?
    /// Bytes free where containers live.
    package var diskFree: UInt64?
    /// Bytes of swap in use.
    package var swapUsed: UInt64?
    /// Bytes of swap.
    package var swapTotal: UInt64?
    /// The hottest sensor, °C.
    package var temperature: Double?
    /// The whole board, W.
    package var power: Double?
    /// °C by sensor, no name twice.
    package var temperatures: [Measurement]
    /// W by rail, no name twice.
    package var watts: [Measurement]
    /// How much the board may draw, such as `MAXN`; nil where there is no such thing.
    package var powerMode: String?
    /// What each container uses, no name twice.
    package var containers: [ContainerUse]
    /// The machine's wall clock, in milliseconds since 1970.
    package var wallClock: Int64?
    /// What is wrong with the machine, no name twice.
    package var troubles: [Trouble]

    /// How long a sample says how the machine is; agents send several in that time.
    package static let goodFor = Duration.seconds(15)

    /// A number with the name of what it was measured at.
    package struct Measurement: Hashable, Sendable, Codable {
        /// The sensor or rail.
        package var name: String
        /// The number.
        package var value: Double
        /// Creates one.
        package init(name: String, value: Double) {
            self.name = name
            self.value = value
        }
    }

    /// What a container uses.
    package struct ContainerUse: Hashable, Sendable, Codable {
        /// The worker or the attempt that it is for.
        package var name: String
        /// Use of the processors, 1 for one that is always busy; nil when not known yet.
        package var cpu: Double?
        /// Bytes of memory.
        package var memory: UInt64
        /// Creates one.
        package init(name: String, cpu: Double? = nil, memory: UInt64) {
            self.name = name
            self.cpu = cpu
            self.memory = memory
        }
    }

    /// Something that is wrong with a machine, and what to do about it.
    package struct Trouble: Hashable, Sendable, Codable {
        /// What was looked at, such as `docker`.
        package var name: String
        /// What is wrong, for people.
        package var message: String
        /// What to do.
        package var action: String
        /// Creates one.
        package init(name: String, message: String, action: String) {
            self.name = name
            self.message = message
            self.action = action
        }
    }

    /// Creates a sample.
    package init(
        cpu: Double? = nil, gpu: Double? = nil, memoryUsed: UInt64? = nil,
        memoryTotal: UInt64? = nil, diskFree: UInt64? = nil, swapUsed: UInt64? = nil,
        swapTotal: UInt64? = nil, temperature: Double? = nil, power: Double? = nil,
        temperatures: [Measurement] = [], watts: [Measurement] = [], powerMode: String? = nil,
        containers: [ContainerUse] = [], wallClock: Int64? = nil, troubles: [Trouble] = []
    ) {
        self.cpu = cpu
        self.gpu = gpu
        self.memoryUsed = memoryUsed
        self.memoryTotal = memoryTotal
        self.diskFree = diskFree
        self.swapUsed = swapUsed
        self.swapTotal = swapTotal
        self.temperature = temperature
        self.power = power
        self.temperatures = temperatures
        self.watts = watts
        self.powerMode = powerMode
        self.containers = containers
        self.wallClock = wallClock
        self.troubles = troubles
    }
}

/// A piece of an attempt's log.
package struct LogChunk: Hashable, Sendable {
    /// The attempt.
    package var key: AttemptKey
    /// Where the piece begins in the log; a part that is there already is dropped by it, and what is
    /// missing before it is noted.
    package var offset: UInt64
    /// Whole records in the form of ``LogText``.
    package var text: [UInt8]
    /// Whether nothing comes after it; answered by `logKept`.
    package var isLast: Bool
    /// Creates a piece.
    package init(key: AttemptKey, offset: UInt64, text: [UInt8], isLast: Bool = false) {
        self.key = key
        self.offset = offset
        self.text = text
        self.isLast = isLast
    }
}

/// Asks where an output may be put.
package struct UploadRequest: Hashable, Sendable {
    /// The attempt.
    package var key: AttemptKey
    /// The kind of job, which names the folder.
    package var kind: JobKind
    /// The output's name.
    package var name: String
    /// Its media type.
    package var contentType: String
    /// Its size in bytes.
    package var size: UInt64
    /// Creates a request.
    package init(
        key: AttemptKey, kind: JobKind, name: String, contentType: String, size: UInt64
    ) {
        self.key = key
        self.kind = kind
        self.name = name
        self.contentType = contentType
        self.size = size
    }
}

/// Where an output may be put, or why not.
package struct UploadGrant: Hashable, Sendable {
    /// Where to `PUT` the bytes; empty when refused.
    package var url: String
    /// Headers to send with them.
    package var headers: [Header]
    /// Where it will be stored.
    package var objectKey: String
    /// Why it is refused; empty when granted.
    package var refusal: String

    /// A header of HTTP.
    package struct Header: Hashable, Sendable {
        /// The name.
        package var name: String
        /// The value.
        package var value: String
        /// Creates a header.
        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Creates a grant.
    package init(
        url: String = "", headers: [Header] = [], objectKey: String = "", refusal: String = ""
    ) {
        self.url = url
        self.headers = headers
        self.objectKey = objectKey
        self.refusal = refusal
    }
}

/// Asks for the files that a reference in an attempt's input means, or for the input itself.
package struct InputRequest: Hashable, Sendable {
    /// The attempt.
    package var key: AttemptKey
    /// `InputReference.outputKey`, `uploadKey`, or `storedKey` for the input itself.
    package var word: String
    /// What stands behind it.
    package var text: String
    /// How many files to pass over.
    package var offset: Int
    /// Creates a request.
    package init(key: AttemptKey, word: String, text: String, offset: Int = 0) {
        self.key = key
        self.word = word
        self.text = text
        self.offset = offset
    }
}

/// The files that a reference means, or why there are none.
package struct InputGrant: Hashable, Sendable {
    /// Why it is refused; empty when granted.
    package var refusal: String
    /// Whether another try may well be granted: a store did not answer.
    package var isPassing: Bool
    /// Whether a list stands in its place, of one file too.
    package var isList: Bool
    /// How many files there are in all.
    package var total: Int
    /// Some of them, at most `InputGrant.limit`.
    package var files: [File]

    /// The most files of one answer.
    package static let limit = 200

    /// A file that can be read.
    package struct File: Hashable, Sendable {
        /// Its name.
        package var name: String
        /// Its media type.
        package var contentType: String
        /// Its size in bytes.
        package var size: UInt64
        /// Where to `GET` it.
        package var url: String
        /// Headers to ask with.
        package var headers: [UploadGrant.Header]
        /// Creates a file.
        package init(
            name: String, contentType: String, size: UInt64, url: String,
            headers: [UploadGrant.Header] = []
        ) {
            self.name = name
            self.contentType = contentType
            self.size = size
            self.url = url
            self.headers = headers
        }
    }

    /// Creates a grant, or with words a refusal.
    package init(
        refusal: String = "", isPassing: Bool = false, isList: Bool = false, total: Int = 0,
        files: [File] = []
    ) {
        self.refusal = refusal
        self.isPassing = isPassing
        self.isList = isList
        self.total = total
        self.files = files
    }
}
