//! The fuzz targets over their corpora, and over mutations of them.

mod corpora;
