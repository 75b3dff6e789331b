extension Array where Element: Comparable {
    /// Where an element is in a sorted array, or belongs: the first place not before it.
    func lowerBound(of element: Element) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < element { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Adds an element to a sorted array, if it is not there.
    mutating func insertSorted(_ element: Element) {
        let place = lowerBound(of: element)
        if place < count, self[place] == element { return }
        insert(element, at: place)
    }

    /// Removes an element from a sorted array, if it is there.
    mutating func removeSorted(_ element: Element) {
        let place = lowerBound(of: element)
        if place < count, self[place] == element { remove(at: place) }
    }
}
