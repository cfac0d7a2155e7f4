//! Losses of an object, told to the Detector when there are more: it tells webhooks.

use std::cell::RefCell;

use blobwatch_detector::LostCall;
use blobwatch_wire::Loss;
use worker::Env;

use super::http::Answer;
use super::object_call::call;

/// Those that the Detector knows, as far as this object remembers: what it knows already says nothing new.
#[derive(Default)]
pub(super) struct ToldLosses(RefCell<Vec<Loss>>);

impl ToldLosses {
    /// Tells of all that are data; what fails is told with the next call.
    pub(super) async fn tell(&self, env: &Env, mut losses: Vec<Loss>) -> Answer<()> {
        losses.retain(Loss::is_of_data);
        if losses.is_empty() || *self.0.borrow() == losses {
            return Ok(());
        }
        call(env, &LostCall, losses.clone()).await?;
        self.0.replace(losses);
        Ok(())
    }
}
