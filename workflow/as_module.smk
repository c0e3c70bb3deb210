from importlib.resources import files


configfile: "campaign.yaml"


module jetresim:
    snakefile:
        str(files("jetresim.workflow") / "Snakefile")
    config:
        config


use rule * from jetresim


onstart:
    jetresim.onstart()


onsuccess:
    jetresim.onsuccess()


onerror:
    jetresim.onerror()
