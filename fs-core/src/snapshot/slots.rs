//! Numbers for things that come and go while a mount lives.

/// Things by number. A number is given a second time only when all have been given once.
#[derive(Debug, Clone)]
pub(crate) struct Slots<T> {
    slots: Vec<Option<T>>,
    /// Where the search for a number that is free again goes on, so that numbers take turns.
    next: usize,
}

impl<T> Slots<T> {
    /// No thing yet.
    pub(crate) fn new() -> Self {
        Self { slots: Vec::new(), next: 0 }
    }

    /// The thing with this number.
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.slots.get(number as usize)?.as_ref()
    }

    /// The things from the number `start` on, in the order of their numbers.
    pub(crate) fn iter_from(&self, start: usize) -> impl Iterator<Item = (usize, &T)> {
        let slots = self.slots.iter().enumerate().skip(start);
        slots.filter_map(|(number, slot)| Some((number, slot.as_ref()?)))
    }

    /// All things in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().flatten()
    }

    /// Puts in what `make` makes of a number below `limit` that nothing here has and that `is_free`; `None` when there is
    /// none.
    pub(crate) fn add(
        &mut self,
        limit: usize,
        is_free: impl Fn(u32) -> bool,
        make: impl FnOnce(u32) -> T,
    ) -> Option<&T> {
        let place = if self.slots.len() < limit {
            self.slots.push(None);
            self.slots.len() - 1
        } else {
            let free = |&place: &usize| self.slots[place].is_none() && u32::try_from(place).is_ok_and(&is_free);
            (self.next..self.slots.len()).chain(0..self.next).find(free)?
        };
        self.next = place + 1;
        Some(self.slots[place].insert(make(u32::try_from(place).ok()?)))
    }

    /// Puts in another thing in place of the one with this number, which is returned.
    pub(crate) fn replace(&mut self, number: u32, thing: T) -> Option<T> {
        self.slots[number as usize].replace(thing)
    }

    /// Takes out the thing with this number.
    pub(crate) fn take(&mut self, number: u32) -> Option<T> {
        self.slots.get_mut(number as usize)?.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_and_come_again_last() {
        let mut slots = Slots::new();
        for thing in ["a", "b", "c"] {
            assert_eq!(slots.add(4, |_| true, |_| thing), Some(&thing));
        }
        assert_eq!((slots.take(1), slots.take(1), slots.take(9)), (Some("b"), None, None));
        assert_eq!(slots.iter_from(0).collect::<Vec<_>>(), [(0, &"a"), (2, &"c")]);
        let fresh = |number| if number == 3 { "d" } else { "not the first new number" };
        assert_eq!(slots.add(4, |_| true, fresh), Some(&"d"));
        assert_eq!(slots.add(4, |number| number != 1, |_| "e"), None, "somebody still uses it");
        assert_eq!(slots.add(4, |_| true, |_| "e"), Some(&"e"));
        assert_eq!(slots.get(1), Some(&"e"));
        assert_eq!(slots.add(4, |_| true, |_| "f"), None);
        assert_eq!(slots.replace(0, "A"), Some("a"));
        assert_eq!(slots.iter().copied().collect::<String>(), "Aecd");
        assert_eq!(slots.iter_from(2).count(), 2);
    }
}
