"""The portal, asked as browsers and other programs ask it."""
