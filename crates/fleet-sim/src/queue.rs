//! What happens next: the events of all devices, in the order of their times.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Nanoseconds from the start of the simulation.
pub type Time = u64;

pub const SECOND: Time = 1_000_000_000;

/// What happens to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Its app asks for a token.
    Ask,
    /// It sends a request.
    Send,
    /// A request brought a token.
    Came,
    /// A request failed.
    Failed,
    /// It is online again, and its app says so.
    Online,
}

/// Sorted by time; what happens at one time, by device and kind, so that every queue gives the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    pub at: Time,
    pub device: u32,
    pub kind: Kind,
}

/// A queue of events, of which none is put in before the one that was taken out last.
pub trait Queue {
    fn put(&mut self, event: Event);
    fn take(&mut self) -> Option<Event>;
}

/// The standard library's heap: the measure for the other one.
#[derive(Default)]
pub struct Heap(BinaryHeap<Reverse<Event>>);

impl Queue for Heap {
    fn put(&mut self, event: Event) {
        self.0.push(Reverse(event));
    }

    fn take(&mut self) -> Option<Event> {
        self.0.pop().map(|Reverse(event)| event)
    }
}

/// How long a page of the calendar is.
const PAGE: Time = SECOND / 50;
/// How many there are: 87 minutes, which is more than a token lives.
const PAGES: usize = 1 << 18;

/// A calendar queue (R. Brown, 1988) with pages of a fiftieth of a second: an event is put on its page unsorted, and a
/// page is sorted when its time has come, while it is in the processor's cache.
pub struct Calendar {
    pages: Vec<Vec<Event>>,
    /// Number of the page that is being read, from the start of time; it is sorted, the next event last.
    page: u64,
    on_pages: usize,
    /// What is too far ahead for any page.
    later: Heap,
}

impl Default for Calendar {
    fn default() -> Self {
        Self { pages: vec![Vec::new(); PAGES], page: 0, on_pages: 0, later: Heap::default() }
    }
}

impl Calendar {
    fn slot(page: u64) -> usize {
        (page % PAGES as u64) as usize
    }

    /// Puts what is now near enough onto its page.
    fn catch_up(&mut self) {
        let last = (self.page + PAGES as u64) * PAGE;
        while let Some(Reverse(event)) = self.later.0.peek().copied().filter(|Reverse(event)| event.at < last) {
            self.later.take();
            self.pages[Self::slot(event.at / PAGE)].push(event);
            self.on_pages += 1;
        }
    }
}

impl Queue for Calendar {
    fn put(&mut self, event: Event) {
        let page = event.at / PAGE;
        if page >= self.page + PAGES as u64 {
            self.later.put(event);
            return;
        }
        self.on_pages += 1;
        let events = &mut self.pages[Self::slot(page)];
        if page <= self.page {
            let place = events.partition_point(|other| *other > event);
            events.insert(place, event);
        } else {
            events.push(event);
        }
    }

    fn take(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.pages[Self::slot(self.page)].pop() {
                self.on_pages -= 1;
                return Some(event);
            }
            if self.on_pages == 0 {
                // Nothing for a while: to the page of the next event.
                self.page = self.later.0.peek()?.0.at / PAGE;
            } else {
                self.page += 1;
            }
            self.catch_up();
            self.pages[Self::slot(self.page)].sort_unstable_by_key(|event| Reverse(*event));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calendar_gives_the_order_of_a_heap() {
        let (mut heap, mut calendar) = (Heap::default(), Calendar::default());
        let mut rng = fastrand::Rng::with_seed(1);
        let mut now = 0;
        for step in 0..10_000 {
            if step < 500 || rng.u32(..100) < 49 {
                // Now, on this page, soon, within the hour, or farther than the calendar goes.
                let ahead = [0, PAGE / 3, 40 * PAGE, 600 * SECOND, 6000 * SECOND][rng.usize(..5)];
                let kind = [Kind::Ask, Kind::Send][rng.usize(..2)];
                let event = Event { at: now + rng.u64(..=ahead), device: rng.u32(..50), kind };
                heap.put(event);
                calendar.put(event);
            } else {
                let next = heap.take();
                assert_eq!(calendar.take(), next);
                now = next.map_or(now, |event| event.at);
            }
        }
        while let Some(event) = heap.take() {
            assert_eq!(calendar.take(), Some(event));
        }
        assert_eq!(calendar.take(), None);
    }
}
