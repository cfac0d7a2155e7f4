//! What an isolate sends to its FireLog, and what comes back.
