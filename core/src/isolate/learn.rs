//! What an isolate learns from a FireLog.

use super::Isolate;
use crate::flush::{Held, Reply};
use crate::rule::Scratch;
use crate::rulebook::Compiled;

impl Isolate {
    /// Takes over a reply from the FireLog `from`: what it keeps now, a newer rulebook, hot keys. Answers whether the
    /// rulebook held is the one that the FireLog holds. A rulebook that cannot be used leaves the old one in force and
    /// is counted.
    ///
    /// # Errors
    /// When the reply is not one.
    pub fn learn(&mut self, from: &str, reply: &str, now_ms: u64) -> Result<bool, serde_json::Error> {
        let reply: Reply = serde_json::from_str(reply)?;
        self.batches.acknowledged(from, reply.ack);
        if let Some(document) = &reply.rulebook {
            self.replace(from, reply.epoch, document.get(), now_ms);
        }
        let held = reply.held();
        self.hot.update(reply.hot, now_ms);
        Ok(held != Held::default() && self.held() == held)
    }

    fn replace(&mut self, from: &str, epoch: u64, document: &str, now_ms: u64) {
        let told = |book: &Compiled| Held {
            epoch,
            revision: book.book.revision,
        };
        match Compiled::from_json(document) {
            // A push that was overtaken: what is held is newer.
            Ok(book) if !self.held().gives_way_to(told(&book)) => {}
            Ok(book) => {
                self.scratch = Scratch::new(&book.engine);
                self.book = book;
                self.epoch = Some(epoch);
            }
            Err(_) => self.batches.count_loss(from, "rulebook_refused", 1, now_ms),
        }
    }
}
