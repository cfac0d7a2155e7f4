//! Who may call the control plane.
