//! The engine as bytes, piece by piece: what postcard writes of the whole. Between two pieces others may have the thread.

use super::Engine;
use crate::normal::NormalPlace;
use crate::window::WindowPlace;
use postcard::to_extend;
use serde::Serialize;

/// Bytes that grow.
#[derive(Debug, Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn put<T: Serialize + ?Sized>(&mut self, value: &T) -> postcard::Result<()> {
        self.0 = to_extend(value, std::mem::take(&mut self.0))?;
        Ok(())
    }

    /// As a list of bytes, which are put one by one otherwise.
    pub(crate) fn put_bytes(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.put(&bytes.len())?;
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// How far the engine is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EnginePlace {
    Monitor(usize),
    Window(WindowPlace),
    Normal(NormalPlace),
    Rest,
}

impl Default for EnginePlace {
    fn default() -> Self {
        Self::Monitor(0)
    }
}

impl Engine {
    /// Writes what is at a place; the next one, and `None` where all is written.
    pub(crate) fn put_piece(
        &self,
        place: EnginePlace,
        out: &mut Writer,
    ) -> postcard::Result<Option<EnginePlace>> {
        Ok(Some(match place {
            EnginePlace::Monitor(at) => {
                if at == 0 {
                    out.put(&self.monitors.len())?;
                }
                match self.monitors.get(at) {
                    Some(monitor) => {
                        out.put(monitor)?;
                        EnginePlace::Monitor(at + 1)
                    }
                    None => EnginePlace::Window(WindowPlace::default()),
                }
            }
            EnginePlace::Window(place) => match self.window.put_piece(place, out)? {
                Some(next) => EnginePlace::Window(next),
                None => EnginePlace::Normal(NormalPlace::default()),
            },
            EnginePlace::Normal(place) => match self.normal.put_piece(place, out)? {
                Some(next) => EnginePlace::Normal(next),
                None => EnginePlace::Rest,
            },
            EnginePlace::Rest => {
                out.put(&(&self.cliff, &self.pending, self.ticked, self.rolled))?;
                out.put(&(&self.incidents, &self.open, &self.closed, &self.past))?;
                out.put(&(&self.switches, self.next_id, self.uncounted, &self.totals))?;
                return Ok(None);
            }
        }))
    }
}
