/// The bounds of every message; both ends hold them, when sending and when receiving.
package enum WireLimits {
    /// The bytes of a message, from 0.
    package static let message = 1 << 20
    /// The bytes of a text.
    package static let text = 64 << 10
    /// The bytes of an attempt's input.
    package static let input = 256 << 10
    /// The bytes of a name or id, from 1.
    package static let name = 128
    /// The bytes of a reference in an input.
    package static let reference = 256
    /// The bytes of an image's name.
    package static let image = 512
    /// The bytes of an output's name, from 1: what a file system allows.
    package static let component = 255
    /// The bytes of a media type.
    package static let mediaType = 255
    /// The bytes of a key in the object store: what S3 allows.
    package static let objectKey = 1024
    /// The elements of one list.
    package static let list = 10_000
    /// The sensors, the rails, and the containers of a sample of a machine.
    package static let measurements = 64
    /// What can be wrong with a machine at a time.
    package static let troubles = 16
    /// The elements of all lists of a message that is sent.
    package static let elements = 50_000
    /// The numbers an attempt can have.
    package static let attempts = 1...2_000_000_000
    /// The slots a worker can have.
    package static let slots = 1...10_000
    /// The longest duration: ten years.
    package static let duration = Duration.seconds(315_576_000)

    /// The bytes of C structs one message may need.
    ///
    /// Two bytes of a message can cost the C decoder a hundred, so the size of the message alone is no
    /// bound. A message within `elements` needs less than this.
    static let memory = 16 << 20
}
