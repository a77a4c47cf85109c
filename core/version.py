"""The version of Tonescope, as it stands in every track and export."""

VERSION = "0.1.0"
