//! The two options that every connection type ends its table with: what people call it.

use firth_connector::OptionSpec;

/// A short name for people.
pub(crate) const FRIENDLY_NAME: OptionSpec =
    OptionSpec::string("friendly_name").doc("A short name for people.");

/// What the connection is for.
pub(crate) const DESCRIPTION: OptionSpec =
    OptionSpec::string("description").doc("What the connection is for.");
