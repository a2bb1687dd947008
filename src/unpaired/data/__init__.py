"""Files become batches: `discover` finds pictures, `formats` reads them, `cache` keeps them, `sampler` draws them."""
