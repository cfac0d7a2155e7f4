//! Requests put back in order: logs are written when an answer ends, by several processes, and delivered in pieces.

use std::collections::BTreeMap;

use super::request::Request;

/// Requests that wait, at some 220 bytes 220 MB: a minute of 16,000 requests a second. Beyond it the oldest go on early.
const MAX_WAITING: usize = 1_000_000;

/// Holds requests until nothing older is expected.
pub(super) struct Order {
    seconds: BTreeMap<u64, Vec<Request>>,
    waiting: usize,
    max_waiting: usize,
    /// First second that was not given out yet.
    next: u64,
    /// Requests that came after their time had been given out.
    pub(super) late: u64,
}

impl Default for Order {
    fn default() -> Self {
        Self::with_room(MAX_WAITING)
    }
}

impl Order {
    fn with_room(max_waiting: usize) -> Self {
        Self {
            seconds: BTreeMap::new(),
            waiting: 0,
            max_waiting,
            next: 0,
            late: 0,
        }
    }

    /// Takes in a request. One that comes too late is given out next.
    pub(super) fn push(&mut self, request: Request) {
        let second = request.id.time_ms() / 1000;
        self.late += u64::from(second < self.next);
        self.seconds
            .entry(second.max(self.next))
            .or_default()
            .push(request);
        self.waiting += 1;
    }

    /// The requests of the oldest second before `until_ms`, in order of time and place; `None` when none is due.
    pub(super) fn take(&mut self, until_ms: u64) -> Option<Vec<Request>> {
        let second = *self.seconds.first_key_value()?.0;
        if second >= until_ms / 1000 && self.waiting <= self.max_waiting {
            return None;
        }
        let (_, mut requests) = self.seconds.pop_first()?;
        self.waiting -= requests.len();
        self.next = second + 1;
        requests.sort_unstable_by_key(|request| request.id);
        Some(requests)
    }

    #[cfg(test)]
    fn waiting(&self) -> usize {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::Order;
    use crate::replay::request::Request;
    use crate::replay::request::tests::request;

    fn all(order: &mut Order, until_ms: u64) -> Vec<u64> {
        let taken = std::iter::from_fn(|| order.take(until_ms)).flatten();
        taken.map(|request| request.id.time_ms()).collect()
    }

    fn at(time_ms: u64) -> Request {
        request(time_ms, 1)
    }

    #[test]
    fn requests_come_out_in_order_of_time() {
        let mut order = Order::default();
        for time in [5_000, 3_200, 3_100, 9_000, 1_000] {
            order.push(at(time));
        }
        assert_eq!(all(&mut order, 6_000), [1_000, 3_100, 3_200, 5_000]);
        assert_eq!(all(&mut order, u64::MAX), [9_000]);
        assert_eq!((order.late, order.waiting()), (0, 0));
    }

    #[test]
    fn one_that_comes_too_late_is_counted_and_comes_next() {
        let mut order = Order::default();
        order.push(at(5_000));
        assert_eq!(all(&mut order, 6_000), [5_000]);
        order.push(at(1_000));
        order.push(at(7_000));
        assert_eq!(all(&mut order, u64::MAX), [1_000, 7_000]);
        assert_eq!(order.late, 1);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut order = Order::with_room(100);
        for time in 0..10_000 {
            order.push(at(time * 10));
            while order.take(0).is_some() {}
            assert!(order.waiting() <= 101);
        }
    }
}
