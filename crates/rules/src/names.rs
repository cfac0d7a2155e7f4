//! Names of Cloudflare's that are no fields here, each with the type of its value.

/// A type whose values are such names.
macro_rules! names {
    ($(#[$about:meta])* $type:ident, $(#[$about_all:meta])* $($kind:ident: $($name:literal)*;)*) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $type {
            name: &'static str,
            kind: Type,
        }

        impl $type {
            $(#[$about_all])*
            pub const ALL: &[Self] = &[$($(Self { name: $name, kind: Type::$kind },)*)*];

            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.name == name)
            }

            /// As written in expressions.
            #[must_use]
            pub const fn name(self) -> &'static str {
                self.name
            }

            #[must_use]
            pub const fn kind(self) -> Type {
                self.kind
            }
        }
    };
}

pub(super) use names;
