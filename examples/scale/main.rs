//! Computes the number of relays for a rate of notifications, their cost, and the first bound that
//! the rate reaches.
//!
//! ```sh
//! cargo run --example scale                   # computes docs/SCALE.md anew from its table of inputs
//! cargo run --example scale -- inputs         # takes what docs/PERFORMANCE.md has measured into that table first
//! cargo run --example scale -- measure        # measures what the benches do not: bytes, and Redis
//! ```
//!
//! Every figure on the page is either an input that names its measurement, or is computed here from
//! such inputs. A seed makes the simulations the same each time; a test compares the page with the
//! program.

mod arithmetic;
mod balance;
mod inputs;
mod measure;
mod page;
mod queue;

use inputs::Inputs;

fn main() {
    let page = page::read();
    match std::env::args().nth(1).as_deref() {
        None => page::write(&page::with_results(&page, &Inputs::of_page(&page))),
        Some("inputs") => {
            let inputs = Inputs::of_page(&page).with_measured(&page::performance());
            page::write(&page::with_results(&page, &inputs));
        }
        Some("measure") => measure::run(),
        Some(_) => {
            eprintln!("usage: scale [inputs|measure]");
            std::process::exit(2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_what_the_program_computes_from_its_inputs() {
        let page = page::read();

        let computed = page::with_results(&page, &Inputs::of_page(&page));

        assert!(page == computed, "docs/SCALE.md is stale: cargo run --example scale");
    }
}
