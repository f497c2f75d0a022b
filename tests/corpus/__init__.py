"""Every file of the shared corpus, where it lies beside the checkout."""
