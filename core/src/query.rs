//! Filters, cursors and summaries over records.
