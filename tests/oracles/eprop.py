"""Losses of the two e-prop tasks, an iteration each, taken before the iteration's update.

NEST: test_eprop_plasticity.py of nest-simulator 3.7 (which gives its own losses to 12 decimals and those of the
TensorFlow code of Bellec et al. 2020, Nature Communications 11:3625). BATCH_2 was computed by an independent NumPy
program from the equations of that paper, with the random numbers of the NEST test.
"""

REGRESSION_NEST = (101.964356999041, 103.466731126205, 103.340607074771, 103.680244037686, 104.412775748752)
REGRESSION_TF = (101.964363098144, 103.466735839843, 103.340606689453, 103.680244445800, 104.412780761718)
CLASSIFICATION_NEST = (0.741152550006, 0.740388187700, 0.665785233177, 0.663644193322, 0.729428962844)
CLASSIFICATION_TF = (0.741152524948, 0.740388214588, 0.665785133838, 0.663644134998, 0.729429066181)
CLASSIFICATION_BATCH_2 = (0.7021633706715291, 0.7355553031518387, 0.7403548641110289)
