import CFleetMessages
import CProtobufC

// Scalars that can be absent.

extension Jessica__V1__DoubleValue: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__double_value__init(memory)
    }
    mutating func fill(_ value: Double, _ arena: borrowing Arena) { unsafe self.value = value }
    func decoded() -> Double { unsafe self.value }
}

extension Jessica__V1__UInt64Value: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__uint64_value__init(memory)
    }
    mutating func fill(_ value: UInt64, _ arena: borrowing Arena) { unsafe self.value = value }
    func decoded() -> UInt64 { unsafe self.value }
}

extension Jessica__V1__Int64Value: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__int64_value__init(memory)
    }
    mutating func fill(_ value: Int64, _ arena: borrowing Arena) { unsafe self.value = value }
    func decoded() -> Int64 { unsafe self.value }
}

extension Jessica__V1__Int32Value: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__int32_value__init(memory)
    }
    mutating func fill(_ value: Int32, _ arena: borrowing Arena) { unsafe self.value = value }
    func decoded() -> Int32 { unsafe self.value }
}
