"""The Molecule scenarios of extensions/molecule: each is created, converged, converged again, verified and destroyed."""


def test_scenario(molecule_scenario):
    assert molecule_scenario.test().returncode == 0
