"""How good a segmentation is: does it come again, does it foretell money, who moved, and by which rule one belongs."""
