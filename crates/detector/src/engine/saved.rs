//! The engine as bytes and back, in slices: what postcard writes of the whole, field by field.

use postcard::{take_from_bytes, to_extend};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Engine;
use crate::normal::Normal;
use crate::window::Window;
use blobwatch_sql::Pace;

/// Bytes that grow.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn put<T: Serialize + ?Sized>(&mut self, value: &T) -> postcard::Result<()> {
        self.0 = to_extend(value, std::mem::take(&mut self.0))?;
        Ok(())
    }

    /// A sequence, a map of pairs too; `records` of an item are what it costs.
    pub(crate) async fn put_all<T: Serialize>(
        &mut self,
        items: impl ExactSizeIterator<Item = T>,
        records: impl Fn(&T) -> usize,
        pace: &impl Pace,
    ) -> postcard::Result<()> {
        self.put(&items.len())?;
        for item in items {
            self.put(&item)?;
            pace.spent(records(&item)).await;
        }
        Ok(())
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Bytes that are read; `None` for what was not written.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl Reader<'_> {
    pub(crate) fn take<T: DeserializeOwned>(&mut self) -> Option<T> {
        let (value, rest) = take_from_bytes(self.0).ok()?;
        self.0 = rest;
        Some(value)
    }

    pub(crate) async fn take_all<T: DeserializeOwned, C: Default + Extend<T>>(
        &mut self,
        records: impl Fn(&T) -> usize,
        pace: &impl Pace,
    ) -> Option<C> {
        let mut items = C::default();
        for _ in 0..self.take::<usize>()? {
            let item = self.take()?;
            let spent = records(&item);
            items.extend([item]);
            pace.spent(spent).await;
        }
        Some(items)
    }
}

impl Engine {
    /// Writes what postcard writes of it.
    pub(crate) async fn write(&self, out: &mut Writer, pace: &impl Pace) -> postcard::Result<()> {
        out.put_all(self.monitors.iter(), |monitor| monitor.len(), pace)
            .await?;
        self.window.write(out, pace).await?;
        self.normal.write(out, pace).await?;
        out.put(&(&self.cliff, &self.pending, self.ticked, self.rolled))?;
        out.put(&(&self.incidents, &self.open, &self.closed, &self.past))?;
        out.put(&(&self.switches, self.next_id, self.uncounted, &self.totals))
    }

    pub(crate) async fn read(from: &mut Reader<'_>, pace: &impl Pace) -> Option<Self> {
        let mut engine = Self {
            monitors: from
                .take_all(blobwatch_detect::monitor::Monitor::len, pace)
                .await?,
            window: Window::read(from, pace).await?,
            normal: Normal::read(from, pace).await?,
            ..Self::default()
        };
        (engine.cliff, engine.pending, engine.ticked, engine.rolled) = from.take()?;
        (engine.incidents, engine.open, engine.closed, engine.past) = from.take()?;
        (engine.switches, engine.next_id, engine.uncounted, engine.totals) = from.take()?;
        Some(engine)
    }
}
