from fairseq2.recipe.cli import main

from train.policy_recipe import PolicyRecipe

main(PolicyRecipe())
