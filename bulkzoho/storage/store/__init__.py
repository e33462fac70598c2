"""Run folders, journals and what is kept between runs."""
