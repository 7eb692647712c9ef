//! Grey images of digits and their labels, in gzipped IDX files.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;

use super::Result;

/// Pixels along one side of an image.
pub(crate) const SIDE: usize = 28;

/// Pixels of an image.
pub(crate) const PIXELS: usize = SIDE * SIDE;

/// Classes of digits.
pub(crate) const CLASSES: usize = 10;

/// First word of an IDX file of bytes in three dimensions, and in one.
const IMAGES_MAGIC: u32 = 2051;
const LABELS_MAGIC: u32 = 2049;

/// Images and what they show.
#[derive(Debug)]
pub(crate) struct Digits {
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

impl Digits {
    /// Reads `{set}-images-idx3-ubyte.gz` and `{set}-labels-idx1-ubyte.gz` from `folder`.
    pub(crate) fn read(folder: &Path, set: &str) -> Result<Self> {
        let read = |file: String| {
            let path = folder.join(file);
            unpack(&path).map(|bytes| (bytes, path.display().to_string()))
        };
        let (images, images_name) = read(format!("{set}-images-idx3-ubyte.gz"))?;
        let (labels, labels_name) = read(format!("{set}-labels-idx1-ubyte.gz"))?;
        let pixels = parse_images(&images).map_err(|error| format!("{images_name}: {error}"))?;
        let labels = parse_labels(&labels).map_err(|error| format!("{labels_name}: {error}"))?;
        if pixels.len() != labels.len() * PIXELS {
            let images = pixels.len() / PIXELS;
            return Err(format!("{images_name}: {images} images, but {} labels", labels.len()).into());
        }
        Ok(Digits { pixels, labels })
    }

    /// The first `count` images, one after another; fails when there are fewer.
    pub(crate) fn images(&self, count: usize) -> Result<&[u8]> {
        self.pixels
            .get(..count * PIXELS)
            .ok_or_else(|| format!("{count} images wanted, but there are only {}", self.labels.len()).into())
    }

    /// What the images show, 0–9.
    pub(crate) fn labels(&self) -> &[u8] {
        &self.labels
    }
}

fn unpack(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(|error| format!("cannot open {}: {error}", path.display()))?;
    let mut bytes = Vec::new();
    GzDecoder::new(file)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot unpack {}: {error}", path.display()))?;
    Ok(bytes)
}

/// The pixels of an IDX file of 28 × 28 images.
pub(crate) fn parse_images(bytes: &[u8]) -> Result<Vec<u8>> {
    let ([count, rows, columns], pixels) = header(bytes, IMAGES_MAGIC)?;
    if (rows, columns) != (SIDE as u32, SIDE as u32) {
        return Err(format!("images of {rows} × {columns} pixels instead of {SIDE} × {SIDE}").into());
    }
    exactly(pixels, u64::from(count) * PIXELS as u64)
}

/// The labels of an IDX file.
pub(crate) fn parse_labels(bytes: &[u8]) -> Result<Vec<u8>> {
    let ([count], labels) = header(bytes, LABELS_MAGIC)?;
    if let Some(at) = labels.iter().position(|&label| usize::from(label) >= CLASSES) {
        return Err(format!("label {} of image {at} is no digit", labels[at]).into());
    }
    exactly(labels, count.into())
}

/// The `N` sizes of an IDX file and its data.
fn header<const N: usize>(bytes: &[u8], magic: u32) -> Result<([u32; N], &[u8])> {
    let mut words = bytes.chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    match words.next() {
        Some(found) if found == magic => {}
        Some(found) => return Err(format!("first word {found} instead of {magic}").into()),
        None => return Err("the file is too short for a header".into()),
    }
    let mut sizes = [0; N];
    for size in &mut sizes {
        *size = words.next().ok_or("the file is too short for a header")?;
    }
    Ok((sizes, &bytes[4 * (N + 1)..]))
}

fn exactly(data: &[u8], expected: u64) -> Result<Vec<u8>> {
    if data.len() as u64 != expected {
        return Err(format!("{} bytes of data where the header says {expected}", data.len()).into());
    }
    Ok(data.to_vec())
}
