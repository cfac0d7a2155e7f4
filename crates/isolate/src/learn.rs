//! What an isolate learns from a FireLog.

use super::Isolate;
use blobwatch_records::{Reply, RulebookVersion};
use blobwatch_rulebook::Program;
use blobwatch_rules::Scratch;
use blobwatch_wire::DecodeError;

impl Isolate {
    /// Takes over a reply from the FireLog `from`: what it keeps now, a newer rulebook, hot keys. Answers whether the
    /// rulebook held is the one that the FireLog holds. A rulebook that cannot be used leaves the old one in force and
    /// is counted.
    ///
    /// # Errors
    /// When the reply is not one.
    pub fn learn(&mut self, from: &str, reply: &[u8], now_ms: u64) -> Result<bool, DecodeError> {
        let reply = Reply::decode(reply)?;
        self.batches.acknowledged(from, reply.ack);
        if let Some(program) = &reply.rulebook {
            self.replace(from, reply.held.epoch, program, now_ms);
        }
        self.hot.update(reply.hot, now_ms);
        Ok(reply.held != RulebookVersion::default() && self.held() == reply.held)
    }

    fn replace(&mut self, from: &str, epoch: u64, program: &[u8], now_ms: u64) {
        let told = |book: &Program| RulebookVersion {
            epoch,
            revision: book.revision(),
        };
        match Program::decode(program) {
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
