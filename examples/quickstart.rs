//! The shortest complete use: program a signed matrix, read it, look at what happened.

use forms_xbar::{Adc, Mapping, Weights, presets};
use rand::{SeedableRng, rngs::ChaCha8Rng};

fn main() -> forms_xbar::Result<()> {
    // Eight inputs, two outputs; every fragment of eight weights has one sign.
    let w = [1, -9, 2, -8, 3, -7, 4, -6, 5, -5, 6, -4, 7, -3, 8, -2];
    let weights = Weights::from_row_slice(8, 2, 8, &w)?;
    let design = presets::forms()
        .mapping(Mapping::Polarized { fragment: 8 })
        .adc(Adc::granular(5))
        .input_bits(8)
        .build()?;

    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let die = design.program(&weights, &mut rng)?;
    let x = [12u8, 0, 255, 3, 77, 31, 8, 1];
    let read = die.mvm(&x, &mut rng)?;

    let exact = [0, 1].map(|j| (0..8).map(|i| i64::from(x[i]) * i64::from(w[2 * i + j])).sum::<i64>());
    println!("exact    {exact:?}");
    println!(
        "read     {:?}  EIC {:.1}  clipped {}",
        read.y,
        read.activity.mean_eic(),
        read.activity.clipped_high()
    );
    println!("weights the die has{:.2}", die.effective_weights());
    Ok(())
}
