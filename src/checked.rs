//! Serialisation of settings: what comes back has passed the check that made it.

/// Serialises a type by its fields and deserialises it through `fn check(&self) -> Result<()>`.
///
/// The type derives `Serialize` and `Deserialize` with `#[serde(remote = "Self")]`, which makes
/// them functions of its own instead of trait implementations; this supplies the latter.
macro_rules! checked_serde {
    ($($setting:ty),* $(,)?) => { $(
        #[cfg(feature = "serde")]
        impl serde::Serialize for $setting {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                <$setting>::serialize(self, serializer)
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $setting {
            fn deserialize<D: serde::Deserializer<'de>>(
                deserializer: D,
            ) -> std::result::Result<Self, D::Error> {
                let setting = <$setting>::deserialize(deserializer)?;
                setting.check().map_err(serde::de::Error::custom)?;
                Ok(setting)
            }
        }
    )* };
}

pub(crate) use checked_serde;
