import Testing

/// Every test of this target, one after the other: one of them measures the memory of the process.
@Suite(.serialized)
enum WireSuite {}
